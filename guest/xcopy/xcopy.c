/*
 * xcopy source [target] [/s] [/e] [/i] [/y] [/q] [/f] [/l] [/h] [/r] [/t] [/u] [/d] [/c] [/k]: copies files and trees of folders. Status 0: copied,
 * 1: no files were found, 4: wrong parameters or a folder that cannot be made, 5: a write failed. It asks before it replaces a file unless /y is given.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>

static BOOL options[128];
static unsigned long copied;
static BOOL has(char letter) { return options[(int)letter]; }

static BOOL is_folder(const char *path) {
  DWORD attributes = GetFileAttributesA(path);
  return attributes != INVALID_FILE_ATTRIBUTES && (attributes & FILE_ATTRIBUTE_DIRECTORY) != 0;
}
static char *joined(const char *folder, const char *name) {
  size_t length = strlen(folder);
  char *path = malloc(length + strlen(name) + 2);
  if (path == NULL) exit(4);
  BOOL separated = length == 0 || strchr("\\/:", folder[length - 1]) != NULL;
  sprintf(path, "%s%s%s", folder, separated ? "" : "\\", name);
  return path;
}

static void stop(const char *text, int status) {
  fputs(text, stderr);
  printf("%lu File(s) copied\n", copied);
  exit(status);
}

/* The first letter of an answer, in upper case; the end of the input is no answer. */
static int answer(void) {
  char line[80];
  if (fgets(line, sizeof line, stdin) == NULL) stop("\n", 4);
  return line[0] & ~32;
}

static void make_folders(const char *path) {
  if (has('l') || is_folder(path) || CreateDirectoryA(path, NULL)) return;
  char *above = _strdup(path), *last = strrchr(above, '\\');
  if (GetLastError() != ERROR_PATH_NOT_FOUND || last == NULL) stop("Unable to create directory\n", 4);
  *last = 0;
  make_folders(above);
  free(above);
  if (!CreateDirectoryA(path, NULL)) stop("Unable to create directory\n", 4);
}

static BOOL is_newer(const WIN32_FIND_DATAA *entry, const char *target) {
  WIN32_FILE_ATTRIBUTE_DATA there;
  return !GetFileAttributesExA(target, GetFileExInfoStandard, &there) || CompareFileTime(&entry->ftLastWriteTime, &there.ftLastWriteTime) > 0;
}

static void copy_file(const char *source, const char *target, const WIN32_FIND_DATAA *entry) {
  DWORD there = GetFileAttributesA(target);
  BOOL exists = there != INVALID_FILE_ATTRIBUTES;
  if ((has('u') && !exists) || (has('d') && !is_newer(entry, target))) return;
  if (exists && !has('y') && !has('l')) {
    printf("Overwrite %s (Yes/No/All)? ", target);
    fflush(stdout);
    int choice = answer();
    if (choice == 'A') options['y'] = TRUE;
    else if (choice != 'Y') return;
  }
  if (has('f')) printf("%s -> %s\n", source, target);
  else if (!has('q')) printf("%s\n", source);
  if (!has('l')) {
    if (exists && has('r')) SetFileAttributesA(target, FILE_ATTRIBUTE_NORMAL);
    if (!CopyFileA(source, target, FALSE)) {
      DWORD error = GetLastError();
      fprintf(stderr, error == ERROR_SHARING_VIOLATION ? "Sharing violation\n" : error == ERROR_DISK_FULL ? "Insufficient disk space\n" : "Access denied\n");
      if (!has('c')) stop("", error == ERROR_DISK_FULL ? 4 : 5);
      return;
    }
    if (!has('k')) SetFileAttributesA(target, FILE_ATTRIBUTE_ARCHIVE);
  }
  copied++;
}

/* `name`: what the files are called in the target; NULL: as in the source. */
static void copy_tree(const char *folder, const char *pattern, const char *target, const char *name) {
  WIN32_FIND_DATAA entry;
  BOOL made = FALSE;
  DWORD hidden = has('h') ? 0 : FILE_ATTRIBUTE_HIDDEN | FILE_ATTRIBUTE_SYSTEM;
  char *files = joined(folder, pattern), *all = joined(folder, "*");
  HANDLE search = FindFirstFileA(files, &entry);
  if (search != INVALID_HANDLE_VALUE) {
    do {
      if ((entry.dwFileAttributes & (FILE_ATTRIBUTE_DIRECTORY | hidden)) != 0 || has('t')) continue;
      if (!made) make_folders(target), made = TRUE;
      char *from = joined(folder, entry.cFileName), *to = joined(target, name == NULL ? entry.cFileName : name);
      copy_file(from, to, &entry);
      free(from), free(to);
    } while (FindNextFileA(search, &entry));
    FindClose(search);
  }
  if (has('e') && !made) make_folders(target);
  search = has('s') ? FindFirstFileA(all, &entry) : INVALID_HANDLE_VALUE;
  if (search != INVALID_HANDLE_VALUE) {
    do {
      BOOL dots = strcmp(entry.cFileName, ".") == 0 || strcmp(entry.cFileName, "..") == 0;
      if (dots || !(entry.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY) || (entry.dwFileAttributes & hidden) != 0) continue;
      char *below = joined(folder, entry.cFileName), *to = joined(target, entry.cFileName);
      copy_tree(below, pattern, to, name);
      free(below), free(to);
    } while (FindNextFileA(search, &entry));
    FindClose(search);
  }
  free(files), free(all);
}

/* Is the target, which is not there, a folder? Asked unless it says so itself or several files come. */
static BOOL target_is_folder(const char *target, BOOL several) {
  size_t length = strlen(target);
  if (is_folder(target) || (length > 0 && strchr("\\/:", target[length - 1]) != NULL) || (has('i') && several)) return TRUE;
  if (GetFileAttributesA(target) != INVALID_FILE_ATTRIBUTES) return FALSE;
  for (;;) {
    printf("Does %s specify a file name\nor directory name on the target\n(F = file, D = directory)? ", target);
    fflush(stdout);
    int choice = answer();
    if (choice == 'F' || choice == 'D') return choice == 'D';
  }
}

int main(int count, char **arguments) {
  char *names[2] = { NULL, "." }, folder[MAX_PATH];
  int given = 0;
  for (int i = 1; i < count; i++) {
    const char *argument = arguments[i];
    if (argument[0] != '/') {
      if (given == 2) stop("Invalid number of parameters\n", 4);
      names[given++] = arguments[i];
    } else if (_stricmp(argument, "/-y") == 0) {
      options['y'] = FALSE;
    } else if (argument[1] == 0 || strchr("seiyqflhrtudck", argument[1] | 32) == NULL || (argument[2] != 0 && argument[2] != ':')) {
      fprintf(stderr, "Invalid switch - %s\n", argument);
      stop("", 4);
    } else {
      options[argument[1] | 32] = TRUE;
    }
  }
  if (given == 0) stop("Invalid number of parameters\n", 4);
  if (strlen(names[0]) >= MAX_PATH || strlen(names[1]) >= MAX_PATH) stop("Invalid path\n", 4);
  if (has('e') || has('t')) options['s'] = TRUE;
  BOOL whole = is_folder(names[0]), several = whole || strpbrk(names[0], "*?") != NULL;
  char *source = names[0], *pattern = "*";
  if (!whole) {
    size_t length = 0;
    for (size_t i = 0; source[i] != 0; i++)
      if (strchr("\\/:", source[i]) != NULL) length = i + 1;
    pattern = source + length;
    source = length == 0 ? "." : strcpy(folder, names[0]);
    if (length != 0) folder[length] = 0;
    WIN32_FIND_DATAA first;
    HANDLE search = FindFirstFileA(names[0], &first);
    if (search == INVALID_HANDLE_VALUE && !has('s')) {
      fprintf(stderr, "File not found - %s\n", pattern);
      stop("", 4);
    }
    if (search != INVALID_HANDLE_VALUE) FindClose(search);
  }
  char *target = names[1], *name = NULL;
  if (!target_is_folder(target, several)) {
    char *last = strrchr(target, '\\');
    name = last == NULL ? target : last + 1;
    if (last == NULL) target = ".";
    else *last = 0;
    if (*target == 0) target = "\\";
  }
  copy_tree(source, pattern, target, name);
  printf("%lu File(s) %s\n", copied, has('l') ? "would be copied" : "copied");
  return 0;
}
