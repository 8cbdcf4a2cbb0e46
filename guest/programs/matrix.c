/* Multiplies, transposes and inverts matrices of doubles. */
#include <math.h>
#include <stdio.h>

enum { N = 8 };
typedef double matrix[N][N];

static void multiply(matrix out, matrix a, matrix b) {
  for (int i = 0; i < N; i++)
    for (int j = 0; j < N; j++) {
      out[i][j] = 0;
      for (int k = 0; k < N; k++) out[i][j] += a[i][k] * b[k][j];
    }
}

static double invert(matrix a, matrix out) {
  double determinant = 1;
  for (int i = 0; i < N; i++)
    for (int j = 0; j < N; j++) out[i][j] = i == j;
  for (int column = 0; column < N; column++) {
    int pivot = column;
    for (int row = column; row < N; row++)
      if (fabs(a[row][column]) > fabs(a[pivot][column])) pivot = row;
    for (int k = 0; k < N; k++) {
      double t = a[column][k];
      a[column][k] = a[pivot][k], a[pivot][k] = t;
      t = out[column][k], out[column][k] = out[pivot][k], out[pivot][k] = t;
    }
    if (pivot != column) determinant = -determinant;
    double scale = a[column][column];
    determinant *= scale;
    for (int k = 0; k < N; k++) a[column][k] /= scale, out[column][k] /= scale;
    for (int row = 0; row < N; row++) {
      double factor = a[row][column];
      if (row == column) continue;
      for (int k = 0; k < N; k++) a[row][k] -= factor * a[column][k], out[row][k] -= factor * out[column][k];
    }
  }
  return determinant;
}

int main(void) {
  matrix a, copy, inverse, product;
  for (int i = 0; i < N; i++)
    for (int j = 0; j < N; j++) copy[i][j] = a[i][j] = 1.0 / (1 + (i * 7 + j * 3) % 11) + (i == j ? 2 : 0);
  double determinant = invert(copy, inverse), error = 0;
  multiply(product, a, inverse);
  for (int i = 0; i < N; i++)
    for (int j = 0; j < N; j++) error = fmax(error, fabs(product[i][j] - (i == j)));
  printf("determinant %.9g, identity to 1e-12: %s\n", determinant, error < 1e-12 ? "yes" : "no");
  for (int i = 0; i < N; i++) {
    for (int j = 0; j < N; j++) printf("%10.6f", inverse[i][j]);
    printf("\n");
  }
  return 0;
}
