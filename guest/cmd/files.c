/* Commands about files and folders. */
#include "cmd.h"

static BOOL is_folder(const char *path) {
  DWORD attributes = GetFileAttributesA(path);
  return attributes != INVALID_FILE_ATTRIBUTES && (attributes & FILE_ATTRIBUTE_DIRECTORY) != 0;
}
static BOOL has_pattern(const char *path) { return strpbrk(path, "*?") != NULL; }
/* Characters up to the last separator and with it. */
static size_t folder_length(const char *path) {
  size_t length = 0;
  for (size_t i = 0; path[i] != 0; i++)
    if (strchr("\\/:", path[i]) != NULL) length = i + 1;
  return length;
}
static char *joined(const char *folder, const char *name) {
  size_t length = strlen(folder);
  BOOL separated = length == 0 || strchr("\\/:", folder[length - 1]) != NULL;
  return format_text("%s%s%s", folder, separated ? "" : "\\", name);
}
static BOOL is_dots(const char *name) { return strcmp(name, ".") == 0 || strcmp(name, "..") == 0; }

typedef struct { char **names; int count; } NAMES;
static int by_name(const void *a, const void *b) { return lstrcmpiA(*(char *const *)a, *(char *const *)b); }

/* Files that a name or pattern means, sorted, with their folders; `folders`: folders instead. */
static NAMES matching(const char *pattern, BOOL folders) {
  NAMES names = { NULL, 0 };
  WIN32_FIND_DATAA found;
  int room = 0;
  HANDLE search = FindFirstFileA(pattern, &found);
  if (search == INVALID_HANDLE_VALUE) return names;
  do {
    if (is_dots(found.cFileName) || ((found.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY) != 0) != folders) continue;
    if (names.count == room) {
      char **larger = take((size_t)(room = room * 2 + 16) * sizeof *larger);
      if (names.count != 0) memcpy(larger, names.names, (size_t)names.count * sizeof *larger);
      names.names = larger;
    }
    names.names[names.count++] = format_text("%.*s%s", (int)folder_length(pattern), pattern, found.cFileName);
  } while (FindNextFileA(search, &found));
  FindClose(search);
  qsort(names.names, (size_t)names.count, sizeof *names.names, by_name);
  return names;
}

// --- folders

static int do_cd(const char *text) {
  char letters[8], folder[MAX_PATH];
  char *target = unquoted(take_options(text, letters, sizeof letters));
  for (size_t length = strlen(target); length > 0 && is_blank(target[length - 1]);) target[--length] = 0;
  if (*target == 0) {
    GetCurrentDirectoryA(sizeof folder, folder);
    say("%s\n", folder);
    return 0;
  }
  if (SetCurrentDirectoryA(target)) return 0;
  DWORD error = GetLastError();
  return complain_of_error(error == ERROR_FILE_NOT_FOUND ? ERROR_PATH_NOT_FOUND : error);
}

static int make_folder(char *path) {
  if (CreateDirectoryA(path, NULL)) return 0;
  DWORD error = GetLastError();
  size_t length = folder_length(path);
  if (error != ERROR_PATH_NOT_FOUND || length < 2) {
    if (error != ERROR_ALREADY_EXISTS) return complain_of_error(error);
    complain("A subdirectory or file %s already exists.\n", path);
    return 1;
  }
  int status = make_folder(copy_text(path, length - 1));
  return status != 0 ? status : CreateDirectoryA(path, NULL) ? 0 : complain_of_error(GetLastError());
}

static int do_md(const char *text) {
  int status = 0;
  for (char *word; (word = next_word(&text)) != NULL;) status |= make_folder(unquoted(word));
  return status;
}

static int remove_tree(const char *path) {
  int status = 0;
  NAMES files = matching(joined(path, "*"), FALSE), folders = matching(joined(path, "*"), TRUE);
  for (int i = 0; i < files.count; i++) {
    SetFileAttributesA(files.names[i], FILE_ATTRIBUTE_NORMAL);
    if (!DeleteFileA(files.names[i])) status = complain_of_error(GetLastError());
  }
  for (int i = 0; i < folders.count; i++) status |= remove_tree(folders.names[i]);
  return RemoveDirectoryA(path) ? status : complain_of_error(GetLastError());
}

static int do_rd(const char *text) {
  char letters[8];
  int status = 0;
  text = take_options(text, letters, sizeof letters);
  for (char *word; (word = next_word(&text)) != NULL;) {
    char *path = unquoted(word);
    if (strchr(letters, 's') != NULL && is_folder(path)) status |= remove_tree(path);
    else if (!RemoveDirectoryA(path)) status = complain_of_error(GetLastError());
  }
  return status;
}

static struct { char *folders[32]; int count; } stack;
static int do_pushd(const char *text) {
  if (stack.count == 32) return complain("Too many folders.\n"), 1;
  char *folder = malloc(MAX_PATH);
  if (folder == NULL) return 1;
  GetCurrentDirectoryA(MAX_PATH, folder);
  int status = *skip_blanks(text) == 0 ? 0 : do_cd(text);
  if (status == 0) stack.folders[stack.count++] = folder;
  else free(folder);
  return status;
}
static int do_popd(const char *text) {
  (void)text;
  if (stack.count == 0) return 1;
  char *folder = stack.folders[--stack.count];
  BOOL done = SetCurrentDirectoryA(folder);
  free(folder);
  return done ? 0 : complain_of_error(GetLastError());
}

// --- dir

/* A number with commas. */
static char *grouped(ULONGLONG value) {
  char *digits = format_text("%I64u", value);
  size_t length = strlen(digits);
  BUFFER text = { 0 };
  for (size_t i = 0; i < length; i++) {
    if (i != 0 && (length - i) % 3 == 0) add_character(&text, ',');
    add_character(&text, digits[i]);
  }
  return text.text;
}

typedef struct { ULONGLONG files, bytes, folders; } TOTALS;
typedef struct {
  BOOL bare, deep;
  /* Letters of /o, with '-' before those in reverse. */
  char order[16];
  /* Attributes that an entry must have, and must not have. */
  DWORD with, without;
} LISTING;
/* For the comparison that qsort calls. */
static const char *listing_order;

static ULONGLONG size_of(const WIN32_FIND_DATAA *entry) { return (ULONGLONG)entry->nFileSizeHigh << 32 | entry->nFileSizeLow; }
static int in_order(ULONGLONG a, ULONGLONG b) { return a < b ? -1 : a > b; }

static int compare_entries(const void *first, const void *second) {
  const WIN32_FIND_DATAA *a = *(const WIN32_FIND_DATAA *const *)first, *b = *(const WIN32_FIND_DATAA *const *)second;
  for (const char *letter = listing_order; *letter != 0; letter++) {
    BOOL reverse = *letter == '-';
    if (reverse && *++letter == 0) break;
    int order = 0;
    const char *dot_a = strrchr(a->cFileName, '.'), *dot_b = strrchr(b->cFileName, '.');
    if (*letter == 'n') order = lstrcmpiA(a->cFileName, b->cFileName);
    if (*letter == 'e') order = lstrcmpiA(dot_a == NULL ? "" : dot_a, dot_b == NULL ? "" : dot_b);
    if (*letter == 's') order = in_order(size_of(a), size_of(b));
    if (*letter == 'd') order = CompareFileTime(&a->ftLastWriteTime, &b->ftLastWriteTime);
    if (*letter == 'g') order = (int)(b->dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY) - (int)(a->dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY);
    if (order != 0) return reverse ? -order : order;
  }
  return lstrcmpiA(a->cFileName, b->cFileName);
}

/* The entries of a folder that a pattern means, in order; NULL ends them. */
static WIN32_FIND_DATAA **entries_of(const char *pattern, const LISTING *listing) {
  WIN32_FIND_DATAA found, **entries = take(17 * sizeof *entries);
  size_t count = 0, room = 16;
  HANDLE search = FindFirstFileA(pattern, &found);
  BOOL more = search != INVALID_HANDLE_VALUE;
  for (; more; more = FindNextFileA(search, &found)) {
    DWORD has = found.dwFileAttributes;
    if (is_dots(found.cFileName) || (has & listing->with) != listing->with || (has & listing->without) != 0) continue;
    if (count == room) {
      WIN32_FIND_DATAA **larger = take((room = room * 2) * sizeof *larger + sizeof *larger);
      memcpy(larger, entries, count * sizeof *larger);
      entries = larger;
    }
    entries[count] = take(sizeof found);
    *entries[count++] = found;
  }
  if (search != INVALID_HANDLE_VALUE) FindClose(search);
  listing_order = listing->order;
  qsort(entries, count, sizeof *entries, compare_entries);
  entries[count] = NULL;
  return entries;
}

static void show_entry(const char *folder, const WIN32_FIND_DATAA *entry, const LISTING *listing) {
  SYSTEMTIME time;
  FILETIME local;
  if (listing->bare) {
    say("%s\n", listing->deep ? joined(folder, entry->cFileName) : entry->cFileName);
    return;
  }
  FileTimeToLocalFileTime(&entry->ftLastWriteTime, &local);
  FileTimeToSystemTime(&local, &time);
  int hour = time.wHour % 12 == 0 ? 12 : time.wHour % 12;
  BOOL is_dir = (entry->dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY) != 0;
  char *size = is_dir ? "    <DIR>         " : format_text("%18s", grouped(size_of(entry)));
  say("%02d/%02d/%04d  %02d:%02d %s %s %s\n", time.wMonth, time.wDay, time.wYear, hour, time.wMinute, time.wHour < 12 ? "AM" : "PM", size,
      entry->cFileName);
}

/* One folder; with /s those below. */
static int list_folder(const char *folder, const char *pattern, const LISTING *listing, TOTALS *totals) {
  WIN32_FIND_DATAA **entries = entries_of(joined(folder, pattern), listing);
  TOTALS own = { 0, 0, 0 };
  int total = 0;
  for (; entries[total] != NULL; total++) {
    if (total == 0 && !listing->bare) say("\n Directory of %s\n\n", folder);
    show_entry(folder, entries[total], listing);
    BOOL is_dir = (entries[total]->dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY) != 0;
    own.folders += is_dir, own.files += !is_dir;
    own.bytes += is_dir ? 0 : size_of(entries[total]);
  }
  if (total != 0 && !listing->bare) say("%16s File(s) %14s bytes\n", grouped(own.files), grouped(own.bytes));
  totals->files += own.files, totals->bytes += own.bytes, totals->folders += own.folders;
  NAMES below = listing->deep ? matching(joined(folder, "*"), TRUE) : (NAMES){ NULL, 0 };
  for (int i = 0; i < below.count; i++) total += list_folder(below.names[i], pattern, listing, totals);
  return total;
}

/* /a and /o take what follows up to a blank or a slash, behind a colon or not. */
static BOOL take_listing(const char **text, LISTING *listing) {
  for (*text = skip_blanks(*text); **text == '/'; *text = skip_blanks(*text)) {
    char letter = (char)((*text)[1] | 32);
    const char *at = *text + 2;
    if (*at == ':' && (letter == 'a' || letter == 'o')) at++;
    if (letter == 'a') {
      static const struct { char letter; DWORD bit; } attributes[] = {
        { 'd', FILE_ATTRIBUTE_DIRECTORY }, { 'r', FILE_ATTRIBUTE_READONLY }, { 'h', FILE_ATTRIBUTE_HIDDEN }, { 's', FILE_ATTRIBUTE_SYSTEM },
        { 'a', FILE_ATTRIBUTE_ARCHIVE },
      };
      listing->with = listing->without = 0;
      for (BOOL not = FALSE; *at != 0 && *at != '/' && !is_blank(*at); at++) {
        DWORD bit = 0;
        for (size_t i = 0; i < sizeof attributes / sizeof *attributes; i++)
          if (attributes[i].letter == (*at | 32)) bit = attributes[i].bit;
        if (*at != '-' && bit == 0) return FALSE;
        *(not ? &listing->without : &listing->with) |= bit;
        not = *at == '-';
      }
    } else if (letter == 'o') {
      size_t length = 0;
      for (; *at != 0 && *at != '/' && !is_blank(*at); at++) {
        if (strchr("nesdg-", *at | (*at == '-' ? 0 : 32)) == NULL || length + 1 == sizeof listing->order) return FALSE;
        listing->order[length++] = (char)(*at == '-' ? '-' : *at | 32);
      }
      strcpy(listing->order + length, length == 0 ? "gn" : "");
    } else if (letter == 's' || letter == 'b') {
      *(letter == 's' ? &listing->deep : &listing->bare) = TRUE;
    } else {
      return FALSE;
    }
    if (*at != 0 && *at != '/' && !is_blank(*at)) return FALSE;
    *text = at;
  }
  return TRUE;
}

static int do_dir(const char *text) {
  char full[MAX_PATH], *part = NULL, *word = NULL, *another = NULL;
  LISTING listing = { .order = "", .without = FILE_ATTRIBUTE_HIDDEN | FILE_ATTRIBUTE_SYSTEM };
  while (take_listing(&text, &listing) && (another = next_word(&text)) != NULL) word = another;
  if (*skip_blanks(text) != 0) return complain("Invalid switch - \"%s\".\n", next_word(&text) + 1), 1;
  char *path = word == NULL ? "." : unquoted(word), *pattern = "*";
  if (!is_folder(path)) {
    pattern = path + folder_length(path);
    path = pattern == path ? "." : copy_text(path, (size_t)(pattern - path));
  }
  GetFullPathNameA(path, MAX_PATH, full, &part);
  TOTALS totals = { 0, 0, 0 };
  ULARGE_INTEGER available;
  char label[64] = "", root[4] = { full[0], ':', '\\', 0 };
  DWORD serial = 0;
  if (!listing.bare && GetVolumeInformationA(root, label, sizeof label, &serial, NULL, NULL, NULL, 0)) {
    if (*label != 0) say(" Volume in drive %c is %s\n", full[0], label);
    else say(" Volume in drive %c has no label.\n", full[0]);
    say(" Volume Serial Number is %04lX-%04lX\n", serial >> 16, serial & 0xffff);
  }
  if (list_folder(full, pattern, &listing, &totals) == 0) return complain("File Not Found\n"), 1;
  if (listing.bare) return 0;
  if (listing.deep) say("\n     Total Files Listed:\n%16s File(s) %14s bytes\n", grouped(totals.files), grouped(totals.bytes));
  if (!GetDiskFreeSpaceExA(root, &available, NULL, NULL)) available.QuadPart = 0;
  say("%16s Dir(s)  %14s bytes free\n", grouped(totals.folders), grouped(available.QuadPart));
  return 0;
}

// --- files

static int type_file(const char *path) {
  static char piece[0x4000];
  DWORD got, done;
  HANDLE file = CreateFileA(path, GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE, NULL, OPEN_EXISTING, 0, NULL);
  if (file == INVALID_HANDLE_VALUE) return complain_of_error(GetLastError());
  while (ReadFile(file, piece, sizeof piece, &got, NULL) && got != 0)
    if (!WriteFile(GetStdHandle(STD_OUTPUT_HANDLE), piece, got, &done, NULL)) break;
  CloseHandle(file);
  return 0;
}

static int do_type(const char *text) {
  int status = 0, count = 0;
  for (char *word; (word = next_word(&text)) != NULL; count++) {
    char *path = unquoted(word);
    NAMES names = matching(path, FALSE);
    if (!has_pattern(path) || names.count == 0) status |= type_file(path);
    else for (int i = 0; i < names.count; i++) say("\n%s\n\n", names.names[i]), status |= type_file(names.names[i]);
  }
  return count == 0 ? complain("The syntax of the command is incorrect.\n"), 1 : status;
}

static BOOL append_file(const char *from, HANDLE to) {
  static char piece[0x4000];
  DWORD got, done;
  HANDLE file = CreateFileA(from, GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE, NULL, OPEN_EXISTING, 0, NULL);
  BOOL copied = file != INVALID_HANDLE_VALUE;
  if (!copied) return FALSE;
  while (copied && ReadFile(file, piece, sizeof piece, &got, NULL) && got != 0) copied = WriteFile(to, piece, got, &done, NULL) && done == got;
  CloseHandle(file);
  return copied;
}

/* copy a+b c */
static int join_files(char *sources, const char *target) {
  HANDLE file = CreateFileA(target, GENERIC_WRITE, 0, NULL, CREATE_ALWAYS, 0, NULL);
  int status = 0;
  if (file == INVALID_HANDLE_VALUE) return complain_of_error(GetLastError());
  for (char *name = strtok(sources, "+"); name != NULL && status == 0; name = strtok(NULL, "+"))
    if (!append_file(name, file)) status = complain_of_error(GetLastError());
  CloseHandle(file);
  if (status == 0) say("        1 file(s) copied.\n");
  return status;
}

/* Both words of a command that has a source and a target. */
static BOOL two_words(const char *text, char **first, char **second) {
  char letters[8], *words[3] = { NULL, NULL, NULL };
  int count = 0;
  for (char *word; count < 3 && (text = take_options(text, letters, sizeof letters), word = next_word(&text)) != NULL;) words[count++] = unquoted(word);
  *first = words[0], *second = words[1];
  if (count == 1 || count == 2) return TRUE;
  complain("The syntax of the command is incorrect.\n");
  return FALSE;
}

static int transfer(const char *text, BOOL moves) {
  char *source, *target;
  int done = 0;
  if (!two_words(text, &source, &target)) return 1;
  if (target == NULL) target = ".";
  if (!moves && strchr(source, '+') != NULL) return join_files(source, target);
  if (is_folder(source) && moves) {
    if (is_folder(target)) target = joined(target, source + folder_length(source));
    if (!MoveFileExA(source, target, 0)) return complain_of_error(GetLastError());
    say("        1 dir(s) moved.\n");
    return 0;
  }
  if (is_folder(source)) source = joined(source, "*");
  NAMES names = matching(source, FALSE);
  BOOL into = is_folder(target);
  if (names.count == 0) return complain_of_error(ERROR_FILE_NOT_FOUND), 1;
  if (names.count > 1 && !into && !moves && !has_pattern(target)) {
    BUFFER all = { 0 };
    for (int i = 0; i < names.count; i++) {
      if (i != 0) add_character(&all, '+');
      add_text(&all, names.names[i], strlen(names.names[i]));
    }
    return join_files(all.text, target);
  }
  for (int i = 0; i < names.count; i++) {
    char *to = into ? joined(target, names.names[i] + folder_length(names.names[i])) : target;
    if (names.count > 1) say("%s\n", names.names[i]);
    if (moves ? MoveFileExA(names.names[i], to, MOVEFILE_REPLACE_EXISTING | MOVEFILE_COPY_ALLOWED) : CopyFileA(names.names[i], to, FALSE)) done++;
    else complain_of_error(GetLastError());
  }
  say("        %d file(s) %s.\n", done, moves ? "moved" : "copied");
  return done == names.count ? 0 : 1;
}
static int do_copy(const char *text) { return transfer(text, FALSE); }
static int do_move(const char *text) { return transfer(text, TRUE); }

static int do_del(const char *text) {
  char letters[8];
  int status = 0;
  text = take_options(text, letters, sizeof letters);
  for (char *word; (word = next_word(&text)) != NULL;) {
    char *path = unquoted(word);
    if (is_folder(path)) path = joined(path, "*");
    NAMES names = matching(path, FALSE);
    if (names.count == 0) complain("Could Not Find %s\n", path);
    for (int i = 0; i < names.count; i++) {
      if (strchr(letters, 'f') != NULL) SetFileAttributesA(names.names[i], FILE_ATTRIBUTE_NORMAL);
      if (DeleteFileA(names.names[i])) continue;
      complain("%s\n", names.names[i]);
      status = complain_of_error(GetLastError());
    }
  }
  return status;
}

static int do_ren(const char *text) {
  char *source, *target;
  if (!two_words(text, &source, &target)) return 1;
  if (target == NULL || strpbrk(target, "\\/:") != NULL) return complain("The syntax of the command is incorrect.\n"), 1;
  char *to = format_text("%.*s%s", (int)folder_length(source), source, target);
  if (MoveFileExA(source, to, 0)) return 0;
  DWORD error = GetLastError();
  if (error != ERROR_ALREADY_EXISTS) return complain_of_error(error);
  complain("A duplicate file name exists, or the file\ncannot be found.\n");
  return 1;
}

static const struct { const char *name; int (*routine)(const char *arguments); } commands[] = {
  { "cd", do_cd }, { "chdir", do_cd }, { "md", do_md }, { "mkdir", do_md }, { "rd", do_rd }, { "rmdir", do_rd }, { "pushd", do_pushd },
  { "popd", do_popd }, { "dir", do_dir }, { "type", do_type }, { "copy", do_copy }, { "move", do_move }, { "del", do_del },
  { "erase", do_del }, { "ren", do_ren }, { "rename", do_ren },
};

int file_command(const char *name, const char *arguments) {
  for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
    if (same(name, commands[i].name)) return commands[i].routine(arguments);
  return -1;
}
