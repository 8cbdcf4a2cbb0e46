/*
 * Compute kernels of `npm run bench`: freestanding C, the same source for nt86, native Linux, qemu-i386 and v86.
 * Each returns a checksum that must agree everywhere. Sizes are chosen for some tens of milliseconds natively.
 */
#ifndef KERNELS_H
#define KERNELS_H

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

struct kernel {
  const char *name;
  u32 (*run)(void);
};

extern const struct kernel kernels[];
extern const int kernel_count;

u32 nbody_x87(void);
u32 nbody_sse2(void);
u32 mandelbrot_x87(void);
u32 mandelbrot_sse2(void);

#endif
