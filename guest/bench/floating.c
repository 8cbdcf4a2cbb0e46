/* Floating-point kernels; compiled twice, with -mfpmath=387 and with -mfpmath=sse, under two names. */
#include "kernels.h"

#ifdef __SSE2_MATH__
#define NAME(kernel) kernel##_sse2
#else
#define NAME(kernel) kernel##_x87
#endif

struct body {
  double x, y, z, vx, vy, vz, mass;
};

static double square_root(double value) {
#ifdef __SSE2_MATH__
  __asm__("sqrtsd %0, %0" : "+x"(value));
#else
  __asm__("fsqrt" : "+t"(value));
#endif
  return value;
}

u32 NAME(nbody)(void) {
  struct body bodies[5] = {
    {0, 0, 0, 0, 0, 0, 39.47},
    {4.84, -1.16, -0.10, 0.606, 2.811, -0.025, 0.037},
    {8.34, 4.12, -0.4, -1.01, 1.81, 0.008, 0.011},
    {12.89, -15.11, -0.22, 1.08, 0.868, -0.01, 0.0017},
    {15.37, -25.9, 0.179, 0.979, 0.594, -0.034, 0.002},
  };
  for (int step = 0; step < 100000; step++) {
    for (int i = 0; i < 5; i++)
      for (int j = i + 1; j < 5; j++) {
        struct body *a = &bodies[i], *b = &bodies[j];
        double dx = a->x - b->x, dy = a->y - b->y, dz = a->z - b->z;
        double distance = dx * dx + dy * dy + dz * dz;
        double magnitude = 0.001 / (distance * square_root(distance));
        a->vx -= dx * b->mass * magnitude, a->vy -= dy * b->mass * magnitude, a->vz -= dz * b->mass * magnitude;
        b->vx += dx * a->mass * magnitude, b->vy += dy * a->mass * magnitude, b->vz += dz * a->mass * magnitude;
      }
    for (int i = 0; i < 5; i++)
      bodies[i].x += 0.001 * bodies[i].vx, bodies[i].y += 0.001 * bodies[i].vy, bodies[i].z += 0.001 * bodies[i].vz;
  }
  return (u32)(int)(bodies[0].x * 1e6) ^ (u32)(int)(bodies[1].y * 1e6);
}

u32 NAME(mandelbrot)(void) {
  u32 sum = 0;
  for (int row = 0; row < 160; row++)
    for (int column = 0; column < 160; column++) {
      double cr = column / 80.0 - 1.5, ci = row / 80.0 - 1.0, zr = 0, zi = 0;
      int n = 0;
      for (; n < 500; n++) {
        double rr = zr * zr, ii = zi * zi;
        if (rr + ii > 4.0) break;
        zi = 2 * zr * zi + ci;
        zr = rr - ii + cr;
      }
      sum = sum * 31 + n;
    }
  return sum;
}
