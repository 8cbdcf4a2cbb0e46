/*
 * The same kernels as a multiboot kernel with paging on, for system emulators: runs all of them, one after the other,
 * and writes the lines that the harness times to COM1.
 */
#include "kernels.h"

__attribute__((section(".multiboot"), used)) static const u32 header[] = {0x1badb002, 0, 0u - 0x1badb002};

static u32 page_directory[1024] __attribute__((aligned(4096)));
static u32 page_tables[8][1024] __attribute__((aligned(4096)));

static void port_write(u16 port, u8 value) { __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port)); }

static void print(const char *text) {
  while (*text) port_write(0x3f8, (u8)*text++);
}

static void print_hex(u32 value) {
  for (int shift = 28; shift >= 0; shift -= 4) port_write(0x3f8, (u8) "0123456789abcdef"[(value >> shift) & 15]);
}

/* 32 MB mapped one to one with 4 KB pages. */
static void enable_paging(void) {
  for (u32 i = 0; i < 8 * 1024; i++) page_tables[i >> 10][i & 1023] = i << 12 | 3;
  for (u32 i = 0; i < 8; i++) page_directory[i] = (u32)page_tables[i] | 3;
  __asm__ volatile("mov %0, %%cr3; mov %%cr0, %%eax; or $0x80000000, %%eax; mov %%eax, %%cr0" : : "r"(page_directory) : "eax");
}

/* CR4.OSFXSR for SSE, x87 initialised. */
static void enable_floating_point(void) {
  __asm__ volatile("mov %%cr4, %%eax; or $0x600, %%eax; mov %%eax, %%cr4; mov %%cr0, %%eax; and $~0xc, %%eax; mov %%eax, %%cr0; fninit" : : : "eax");
}

void kernel_main(void) {
  enable_paging();
  enable_floating_point();
  for (int i = 0; i < kernel_count; i++) {
    print("begin ");
    print(kernels[i].name);
    print("\n");
    u32 checksum = kernels[i].run();
    print("end ");
    print_hex(checksum);
    print("\n");
  }
  print("done\n");
  for (;;) __asm__ volatile("hlt");
}

__asm__(
  ".globl _start\n_start:\n"
  "  cli\n"
  "  mov $boot_stack_top, %esp\n"
  "  call kernel_main\n"
  ".bss\n.align 16\n.skip 65536\nboot_stack_top:\n.text\n");
