/* The Mandelbrot set in doubles, as text. */
#include <stdio.h>

int main(void) {
  for (int row = 0; row < 24; row++) {
    for (int column = 0; column < 72; column++) {
      double cr = column / 24.0 - 2.0, ci = row / 10.0 - 1.15, zr = 0, zi = 0;
      int n = 0;
      while (n < 100 && zr * zr + zi * zi < 4) {
        double t = zr * zr - zi * zi + cr;
        zi = 2 * zr * zi + ci;
        zr = t;
        n++;
      }
      putchar(" .:-=+*#%@"[n == 100 ? 9 : n % 9]);
    }
    putchar('\n');
  }
  return 0;
}
