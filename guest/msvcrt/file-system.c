/* Names, attributes, times and directories: sys/stat.h, direct.h, io.h's find functions. */
#include "crt.h"

/* The three layouts of struct stat that msvcrt knows. */
struct stat32 { unsigned dev; unsigned short ino, mode; short nlink, uid, gid; unsigned rdev; int size, atime, mtime, ctime; };
struct stati64 { unsigned dev; unsigned short ino, mode; short nlink, uid, gid; unsigned rdev; int64_t size __attribute__((aligned(8))); int atime, mtime, ctime; };
struct stat64 { unsigned dev; unsigned short ino, mode; short nlink, uid, gid; unsigned rdev; int64_t size __attribute__((aligned(8))); int64_t atime, mtime, ctime; };

struct find32 { unsigned attributes; int created, accessed, written; unsigned size; char name[260]; };
struct findi64 { unsigned attributes; int created, accessed, written; int64_t size __attribute__((aligned(8))); char name[260]; };
struct find64 { unsigned attributes; int64_t created __attribute__((aligned(8))), accessed, written, size; char name[260]; };
struct wfind32 { unsigned attributes; int created, accessed, written; unsigned size; wide name[260]; };
struct wfindi64 { unsigned attributes; int created, accessed, written; int64_t size __attribute__((aligned(8))); wide name[260]; };

static const int64_t epoch = 116444736000000000LL;

static int64_t unix_time(FILETIME time) {
  int64_t value = (int64_t)time.dwHighDateTime << 32 | time.dwLowDateTime;
  return value ? (value - epoch) / 10000000 : 0;
}

static FILETIME file_time(int64_t time) {
  int64_t value = time * 10000000 + epoch;
  return (FILETIME){(DWORD)value, (DWORD)(value >> 32)};
}

static int is_executable(const wide *path) {
  static const char endings[4][4] = {"exe", "com", "bat", "cmd"};
  const wide *dot = wcsrchr(path, '.');
  if (!dot || wcslen(dot) != 4) return 0;
  for (int i = 0; i < 4; i++)
    if (tolower(dot[1]) == endings[i][0] && tolower(dot[2]) == endings[i][1] && tolower(dot[3]) == endings[i][2]) return 1;
  return 0;
}

static unsigned short mode_of(DWORD attributes, const wide *path) {
  unsigned mode = attributes & FILE_ATTRIBUTE_DIRECTORY ? 0x4000 | 0x40 : 0x8000;
  mode |= 0x100 | (attributes & FILE_ATTRIBUTE_READONLY ? 0 : 0x80);
  if (path && is_executable(path)) mode |= 0x40;
  return (unsigned short)(mode | (mode & 0x1c0) >> 3 | (mode & 0x1c0) >> 6);
}

static int stat_path(const wide *path, struct stat64 *out) {
  size_t length = wcslen(path);
  WIN32_FILE_ATTRIBUTE_DATA data;
  if (wcschr(path, '*') || wcschr(path, '?')) return *__doserrno() = ERROR_FILE_NOT_FOUND, fail_errno(E_NOENT);
  if (length > 1 && (path[length - 1] == '\\' || path[length - 1] == '/') && path[length - 2] != ':') {
    wide *trimmed = _wcsdup(path);
    if (!trimmed) return -1;
    trimmed[length - 1] = 0;
    int result = stat_path(trimmed, out);
    free(trimmed);
    if (!result && !(out->mode & 0x4000)) return fail_errno(E_NOENT);
    return result;
  }
  if (!GetFileAttributesExW((LPCWSTR)path, GetFileExInfoStandard, &data)) return fail_with(GetLastError() == ERROR_PATH_NOT_FOUND ? ERROR_PATH_NOT_FOUND : GetLastError());
  wide here[MAX_PATH];
  unsigned drive = path[0] && path[1] == ':' ? (unsigned)(toupper(path[0]) - 'A')
                   : GetCurrentDirectoryW(MAX_PATH, (LPWSTR)here) ? (unsigned)(toupper(here[0]) - 'A') : 2;
  *out = (struct stat64){.dev = drive, .rdev = drive, .nlink = 1};
  out->mode = mode_of(data.dwFileAttributes, path);
  out->size = (int64_t)data.nFileSizeHigh << 32 | data.nFileSizeLow;
  out->mtime = unix_time(data.ftLastWriteTime);
  out->atime = unix_time(data.ftLastAccessTime);
  out->ctime = unix_time(data.ftCreationTime);
  if (!out->atime) out->atime = out->mtime;
  if (!out->ctime) out->ctime = out->mtime;
  return 0;
}

static int stat_descriptor(int number, struct stat64 *out) {
  HANDLE handle = (HANDLE)_get_osfhandle(number);
  BY_HANDLE_FILE_INFORMATION data;
  if (handle == INVALID_HANDLE_VALUE) return -1;
  *out = (struct stat64){.nlink = 1};
  DWORD type = GetFileType(handle);
  if (type == FILE_TYPE_CHAR || type == FILE_TYPE_PIPE) {
    out->mode = type == FILE_TYPE_CHAR ? 0x2000 : 0x1000;
    out->dev = out->rdev = (unsigned)number;
    // Windows' size of a pipe is what waits in it. Here a look into a pipe waits for its other end, which may wait for us.
    return 0;
  }
  if (!GetFileInformationByHandle(handle, &data)) return fail_with_last_error();
  out->mode = mode_of(data.dwFileAttributes, NULL);
  out->size = (int64_t)data.nFileSizeHigh << 32 | data.nFileSizeLow;
  out->mtime = unix_time(data.ftLastWriteTime);
  out->atime = unix_time(data.ftLastAccessTime);
  out->ctime = unix_time(data.ftCreationTime);
  return 0;
}

#define COPY_STAT(to, from)                                                                             \
  ((to)->dev = (from).dev, (to)->ino = 0, (to)->mode = (from).mode, (to)->nlink = (from).nlink, (to)->uid = 0, \
   (to)->gid = 0, (to)->rdev = (from).rdev, (to)->size = (from).size, (to)->atime = (from).atime, (to)->mtime = (from).mtime, \
   (to)->ctime = (from).ctime, 0)

#define STAT_FUNCTIONS(narrow_name, wide_name, descriptor_name, type)         \
  int wide_name(const wide *path, struct type *out) {                         \
    struct stat64 full;                                                       \
    return stat_path(path, &full) ? -1 : COPY_STAT(out, full);                \
  }                                                                           \
  int narrow_name(const char *path, struct type *out) {                       \
    wide *wide_path = widen(path);                                            \
    int result = wide_path ? wide_name(wide_path, out) : -1;                  \
    free(wide_path);                                                          \
    return result;                                                            \
  }                                                                           \
  int descriptor_name(int number, struct type *out) {                         \
    struct stat64 full;                                                       \
    return stat_descriptor(number, &full) ? -1 : COPY_STAT(out, full);        \
  }
STAT_FUNCTIONS(_stat, _wstat, _fstat, stat32)
STAT_FUNCTIONS(_stati64, _wstati64, _fstati64, stati64)
STAT_FUNCTIONS(_stat64, _wstat64, _fstat64, stat64)

/* ---- find ---- */

static void copy_name(char *to, const wide *from) {
  if (!WideCharToMultiByte(CP_ACP, 0, (LPCWSTR)from, -1, to, 260, NULL, NULL)) *to = 0;
}

#define COPY_FIND(to, from)                                                                          \
  do {                                                                                               \
    (to)->attributes = (from).dwFileAttributes == FILE_ATTRIBUTE_NORMAL ? 0 : (from).dwFileAttributes; \
    (to)->created = unix_time((from).ftCreationTime), (to)->accessed = unix_time((from).ftLastAccessTime); \
    (to)->written = unix_time((from).ftLastWriteTime);                                               \
    (to)->size = (int64_t)(from).nFileSizeHigh << 32 | (from).nFileSizeLow;                          \
  } while (0)

static intptr_t find_failed(void) {
  DWORD error = GetLastError();
  *__doserrno() = error;
  errno = error == ERROR_NO_MORE_FILES || error == ERROR_FILE_NOT_FOUND || error == ERROR_PATH_NOT_FOUND ? E_NOENT
          : error == ERROR_NOT_ENOUGH_MEMORY ? E_NOMEM : E_INVAL;
  return -1;
}

#define FIND_FUNCTIONS(first, next, type, text, open, set_name)          \
  intptr_t first(const text *pattern, struct type *out) {                \
    WIN32_FIND_DATAW data;                                               \
    HANDLE handle = open(pattern, &data);                                \
    if (handle == INVALID_HANDLE_VALUE) return find_failed();            \
    COPY_FIND(out, data);                                                \
    set_name(out->name, (wide *)data.cFileName);                         \
    return (intptr_t)handle;                                             \
  }                                                                      \
  int next(intptr_t handle, struct type *out) {                          \
    WIN32_FIND_DATAW data;                                               \
    if (!FindNextFileW((HANDLE)handle, &data)) return (int)find_failed(); \
    COPY_FIND(out, data);                                                \
    set_name(out->name, (wide *)data.cFileName);                         \
    return 0;                                                            \
  }

static HANDLE open_wide(const wide *pattern, WIN32_FIND_DATAW *data) { return FindFirstFileW((LPCWSTR)pattern, data); }
static HANDLE open_narrow(const char *pattern, WIN32_FIND_DATAW *data) {
  wide *wide_pattern = widen(pattern);
  HANDLE handle = wide_pattern ? open_wide(wide_pattern, data) : INVALID_HANDLE_VALUE;
  DWORD error = GetLastError();
  free(wide_pattern);
  SetLastError(error);
  return handle;
}
FIND_FUNCTIONS(_findfirst, _findnext, find32, char, open_narrow, copy_name)
FIND_FUNCTIONS(_findfirsti64, _findnexti64, findi64, char, open_narrow, copy_name)
FIND_FUNCTIONS(_findfirst64, _findnext64, find64, char, open_narrow, copy_name)
FIND_FUNCTIONS(_wfindfirst, _wfindnext, wfind32, wide, open_wide, wcscpy)
FIND_FUNCTIONS(_wfindfirsti64, _wfindnexti64, wfindi64, wide, open_wide, wcscpy)
int _findclose(intptr_t handle) { return FindClose((HANDLE)handle) ? 0 : fail_errno(E_INVAL); }

/* ---- names ---- */

#define RESULT(done) ((done) ? 0 : fail_with_last_error())
int remove(const char *path) { return RESULT(DeleteFileA(path)); }
int _unlink(const char *path) { return RESULT(DeleteFileA(path)); }
int _wunlink(const wide *path) { return RESULT(DeleteFileW((LPCWSTR)path)); }
int _wremove(const wide *path) { return RESULT(DeleteFileW((LPCWSTR)path)); }
int rename(const char *from, const char *to) { return RESULT(MoveFileA(from, to)); }
int _wrename(const wide *from, const wide *to) { return RESULT(MoveFileW((LPCWSTR)from, (LPCWSTR)to)); }
int _mkdir(const char *path) { return RESULT(CreateDirectoryA(path, NULL)); }
int _wmkdir(const wide *path) { return RESULT(CreateDirectoryW((LPCWSTR)path, NULL)); }
int _rmdir(const char *path) { return RESULT(RemoveDirectoryA(path)); }
int _wrmdir(const wide *path) { return RESULT(RemoveDirectoryW((LPCWSTR)path)); }
int _chdir(const char *path) { return RESULT(SetCurrentDirectoryA(path)); }
int _wchdir(const wide *path) { return RESULT(SetCurrentDirectoryW((LPCWSTR)path)); }

static int access_of(DWORD attributes, int mode) {
  if (attributes == INVALID_FILE_ATTRIBUTES) return fail_with_last_error();
  if (attributes & FILE_ATTRIBUTE_DIRECTORY || !(mode & 2) || !(attributes & FILE_ATTRIBUTE_READONLY)) return 0;
  return fail_with(ERROR_ACCESS_DENIED);
}
int _access(const char *path, int mode) { return access_of(GetFileAttributesA(path), mode); }
int _waccess(const wide *path, int mode) { return access_of(GetFileAttributesW((LPCWSTR)path), mode); }

static DWORD changed_attributes(DWORD attributes, int mode) {
  return mode & 0x80 ? attributes & ~FILE_ATTRIBUTE_READONLY : attributes | FILE_ATTRIBUTE_READONLY;
}
int _chmod(const char *path, int mode) {
  DWORD attributes = GetFileAttributesA(path);
  return RESULT(attributes != INVALID_FILE_ATTRIBUTES && SetFileAttributesA(path, changed_attributes(attributes, mode)));
}
int _wchmod(const wide *path, int mode) {
  DWORD attributes = GetFileAttributesW((LPCWSTR)path);
  return RESULT(attributes != INVALID_FILE_ATTRIBUTES && SetFileAttributesW((LPCWSTR)path, changed_attributes(attributes, mode)));
}

static int set_times(HANDLE handle, const int *times) {
  FILETIME now, accessed, written;
  GetSystemTimeAsFileTime(&now);
  accessed = times ? file_time(times[0]) : now;
  written = times ? file_time(times[1]) : now;
  return RESULT(SetFileTime(handle, NULL, &accessed, &written));
}
int _utime(const char *path, const int *times) {
  HANDLE handle = CreateFileA(path, GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE, NULL, OPEN_EXISTING, 0, NULL);
  if (handle == INVALID_HANDLE_VALUE) return fail_with_last_error();
  int result = set_times(handle, times);
  CloseHandle(handle);
  return result;
}
int _futime(int number, const int *times) {
  HANDLE handle = (HANDLE)_get_osfhandle(number);
  return handle == INVALID_HANDLE_VALUE ? -1 : set_times(handle, times);
}

char *_getcwd(char *buffer, int room) {
  DWORD needed = GetCurrentDirectoryA(0, NULL);
  if (!buffer) {
    if (room < (int)needed) room = (int)needed;
    if (!(buffer = malloc((size_t)room))) return NULL;
  } else if (room < (int)needed) return errno = E_RANGE, NULL;
  return GetCurrentDirectoryA((DWORD)room, buffer) ? buffer : (fail_with_last_error(), NULL);
}
wide *_wgetcwd(wide *buffer, int room) {
  DWORD needed = GetCurrentDirectoryW(0, NULL);
  if (!buffer) {
    if (room < (int)needed) room = (int)needed;
    if (!(buffer = malloc((size_t)room * 2))) return NULL;
  } else if (room < (int)needed) return errno = E_RANGE, NULL;
  return GetCurrentDirectoryW((DWORD)room, (LPWSTR)buffer) ? buffer : (fail_with_last_error(), NULL);
}
int _getdrive(void) {
  char here[MAX_PATH];
  return GetCurrentDirectoryA(sizeof here, here) && here[1] == ':' ? toupper(*here) - 'A' + 1 : 0;
}
int _chdrive(int drive) {
  char path[3] = {(char)('A' + drive - 1), ':', 0};
  return drive < 1 || drive > 26 ? fail_errno(E_ACCES) : RESULT(SetCurrentDirectoryA(path));
}

char *_fullpath(char *target, const char *path, size_t room) {
  if (!path || !*path) return _getcwd(target, (int)room);
  DWORD needed = GetFullPathNameA(path, 0, NULL, NULL);
  if (!needed) return fail_with_last_error(), NULL;
  if (!target) target = malloc(room = needed > MAX_PATH ? needed : MAX_PATH);
  else if (room < needed) return errno = E_RANGE, NULL;
  return target && GetFullPathNameA(path, (DWORD)room, target, NULL) ? target : NULL;
}
wide *_wfullpath(wide *target, const wide *path, size_t room) {
  if (!path || !*path) return _wgetcwd(target, (int)room);
  DWORD needed = GetFullPathNameW((LPCWSTR)path, 0, NULL, NULL);
  if (!needed) return fail_with_last_error(), NULL;
  if (!target) target = malloc((room = needed > MAX_PATH ? needed : MAX_PATH) * 2);
  else if (room < needed) return errno = E_RANGE, NULL;
  return target && GetFullPathNameW((LPCWSTR)path, (DWORD)room, (LPWSTR)target, NULL) ? target : NULL;
}

static void copy_part(char *to, const char *from, size_t length, size_t room) {
  if (!to) return;
  if (length > room - 1) length = room - 1;
  memcpy(to, from, length);
  to[length] = 0;
}

void _splitpath(const char *path, char *drive, char *folder, char *name, char *extension) {
  int has_drive = *path && path[1] == ':';
  copy_part(drive, path, has_drive ? 2 : 0, 3);
  if (has_drive) path += 2;
  const char *last = NULL, *dot = NULL;
  for (const char *c = path; *c; c++) {
    if (*c == '/' || *c == '\\') last = c + 1, dot = NULL;
    else if (*c == '.') dot = c;
  }
  if (!last) last = path;
  copy_part(folder, path, last - path, 256);
  const char *end = last + strlen(last);
  if (!dot) dot = end;
  copy_part(name, last, dot - last, 256);
  copy_part(extension, dot, end - dot, 256);
}

void _makepath(char *path, const char *drive, const char *folder, const char *name, const char *extension) {
  *path = 0;
  if (drive && *drive) copy_part(path, drive, 1, 2), strcat(path, ":");
  if (folder && *folder) {
    strcat(path, folder);
    char last = path[strlen(path) - 1];
    if (last != '\\' && last != '/') strcat(path, "\\");
  }
  if (name) strcat(path, name);
  if (extension && *extension) {
    if (*extension != '.') strcat(path, ".");
    strcat(path, extension);
  }
}

void _searchenv(const char *file, const char *variable, char *path) {
  char list[4096];
  if (!SearchPathA(".", file, NULL, MAX_PATH, path, NULL) &&
      !(GetEnvironmentVariableA(variable, list, sizeof list) && SearchPathA(list, file, NULL, MAX_PATH, path, NULL)))
    *path = 0, errno = E_NOENT;
}
