/* Sorts the records of a file with a binary search tree in two heaps: the example of the course unit on memory management. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "try-except.h"
#define NODE_HEAP_SIZE 0x8000
#define DATA_HEAP_SIZE 0x8000
#define KEY_SIZE 8
#define RECORD_SIZE 16

typedef struct TreeNode {
  struct TreeNode *Left, *Right;
  char *pData;
} TREENODE, *LPTNODE;

static BOOL InsertTree(LPTNODE *ppRoot, LPTNODE pNode) {
  while (*ppRoot != NULL) ppRoot = memcmp(pNode->pData, (*ppRoot)->pData, KEY_SIZE) < 0 ? &(*ppRoot)->Left : &(*ppRoot)->Right;
  *ppRoot = pNode;
  return TRUE;
}

static LPTNODE FillTree(HANDLE hIn, HANDLE hNode, HANDLE hData) {
  LPTNODE pRoot = NULL;
  char record[RECORD_SIZE];
  DWORD nRead;
  while (ReadFile(hIn, record, sizeof record, &nRead, NULL) && nRead == sizeof record) {
    LPTNODE pNode = HeapAlloc(hNode, HEAP_ZERO_MEMORY, sizeof *pNode);
    pNode->pData = HeapAlloc(hData, HEAP_ZERO_MEMORY, RECORD_SIZE + 1);
    memcpy(pNode->pData, record, RECORD_SIZE);
    InsertTree(&pRoot, pNode);
  }
  return pRoot;
}

static void Scan(LPTNODE pNode) {
  if (pNode == NULL) return;
  Scan(pNode->Left);
  printf("%.15s\n", pNode->pData);
  Scan(pNode->Right);
}

/* limit: bytes that the data heap may grow to, 0 for any number. */
static int sort(LPCTSTR fname, SIZE_T limit) {
HANDLE volatile hIn = INVALID_HANDLE_VALUE, hNode = NULL, hData = NULL;
LPTNODE pRoot;
__try {
    /* Open the input file. */
    hIn = CreateFile (fname, GENERIC_READ, 0, NULL,
                    OPEN_EXISTING, 0, NULL);
    if (hIn == INVALID_HANDLE_VALUE)
        fprintf(stderr, "Failed to open input file"), exit(1);
    /* Allocate the two heaps. */
    hNode = HeapCreate (
        HEAP_GENERATE_EXCEPTIONS | HEAP_NO_SERIALIZE,
        NODE_HEAP_SIZE, 0);
    hData = HeapCreate (
        HEAP_GENERATE_EXCEPTIONS | HEAP_NO_SERIALIZE,
        DATA_HEAP_SIZE, limit);
    /* Process the input file, creating the tree, actual search. */
    pRoot = FillTree (hIn, hNode, hData);
/* Display the tree in Key order. */
printf ("Sorted file: %s\n", fname); Scan (pRoot);

/* Destroy the two heaps and data structures. */
HeapDestroy (hNode); hNode = NULL;
HeapDestroy (hData); hData = NULL;
CloseHandle (hIn);
} /* End of main file processing and try block. */

__except (EXCEPTION_EXECUTE_HANDLER) {
    if (hNode != NULL) HeapDestroy (hNode);
    if (hData != NULL) HeapDestroy (hData);
    if (hIn != INVALID_HANDLE_VALUE) CloseHandle (hIn);
    printf("the heap was too small\n");
}
return 0;
}

int main(int argc, char **argv) {
  if (argc < 2) return 99;
  return sort(argv[1], argc > 2 ? strtoul(argv[2], NULL, 0) : 0);
}
