/* Converts a file of single bytes to wide characters through two mappings: the example of the course unit on memory management. */
#include <stdio.h>
#include <stdlib.h>
#include "try-except.h"
#define _except __except

static BOOL Asc2UnMM(LPCTSTR fIn, LPCTSTR fOut) {
  HANDLE volatile hIn, hOut, hInMap, hOutMap;
  char *pIn, *pInFile;
  WCHAR *pOut, *pOutFile;
  DWORD FsLow;
  BOOL volatile Complete = FALSE;

__try {
        /* Open the input file. */
hIn = CreateFile (fIn, GENERIC_READ, 0, NULL,
                OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, NULL);
if (hIn == INVALID_HANDLE_VALUE) fprintf(stderr, "Failure opening input file."), exit(1);
        /* Create a file mapping object on the input file. Use the file size. */
hInMap = CreateFileMapping (hIn, NULL, PAGE_READONLY, 0, 0, NULL);
if (hInMap == INVALID_HANDLE_VALUE) fprintf(stderr, "Failure Creating input map."), exit(2);

pInFile = MapViewOfFile (hInMap, FILE_MAP_READ, 0, 0, 0);
if (pInFile == NULL) fprintf(stderr, "Failure Mapping input file."), exit(3);
FsLow = GetFileSize(hIn, NULL);
        /* The output file MUST have Read/Write access for the mapping to succeed. */
hOut = CreateFile (fOut, GENERIC_READ | GENERIC_WRITE,
                0, NULL, CREATE_ALWAYS, FILE_ATTRIBUTE_NORMAL, NULL);
if (hOut == INVALID_HANDLE_VALUE) fprintf(stderr, "Failure Opening output file."), exit(4);
hOutMap = CreateFileMapping (hOut, NULL, PAGE_READWRITE, 0, 2 * FsLow, NULL);
if (hOutMap == INVALID_HANDLE_VALUE) fprintf(stderr, "Failure creating output map."), exit(5);

pOutFile = MapViewOfFile (hOutMap, FILE_MAP_WRITE, 0, 0, 2 * FsLow);
if (pOutFile == NULL) fprintf(stderr, "Failure mapping output file."), exit(6);

pIn = pInFile;                                /* actual file conversion */
pOut = pOutFile;
while (pIn < pInFile + FsLow) {
    *pOut = (WCHAR) *pIn; pIn++; pOut++;
}

/* Close all views and handles. */
UnmapViewOfFile (pOutFile); UnmapViewOfFile (pInFile);
CloseHandle (hOutMap); CloseHandle (hInMap);
CloseHandle (hIn); CloseHandle (hOut);
Complete = TRUE; return TRUE;
}

_except (EXCEPTION_EXECUTE_HANDLER) {
    /* Delete the output file if the operation did not complete successfully. */
    if (!Complete)
        DeleteFile (fOut);
    return FALSE;
}
return FALSE;
}

int main(int argc, char **argv) {
  if (argc < 3) return 99;
  BOOL done = Asc2UnMM(argv[1], argv[2]);
  printf("converted: %d\n", done);
  return !done;
}
