/* errno, _doserrno, and the texts of errors. */
#include "crt.h"

int *_errno(void) { return &thread_data()->errno_value; }
unsigned long *__doserrno(void) { return &thread_data()->doserrno; }

/* libmingwex calls it as an import. */
int *(*const imported_errno)(void) __asm__("__imp___errno") = _errno;

int _set_errno(int value) { return errno = value, 0; }
int _get_errno(int *value) { return *value = errno, 0; }

static const struct {
  unsigned short win32;
  unsigned short number;
} map[] = {
  {ERROR_INVALID_FUNCTION, E_INVAL}, {ERROR_FILE_NOT_FOUND, E_NOENT}, {ERROR_PATH_NOT_FOUND, E_NOENT},
  {ERROR_TOO_MANY_OPEN_FILES, E_MFILE}, {ERROR_ACCESS_DENIED, E_ACCES}, {ERROR_INVALID_HANDLE, E_BADF},
  {ERROR_ARENA_TRASHED, E_NOMEM}, {ERROR_NOT_ENOUGH_MEMORY, E_NOMEM}, {ERROR_INVALID_BLOCK, E_NOMEM},
  {ERROR_BAD_ENVIRONMENT, E_2BIG}, {ERROR_BAD_FORMAT, E_NOEXEC}, {ERROR_INVALID_ACCESS, E_INVAL},
  {ERROR_INVALID_DATA, E_INVAL}, {ERROR_INVALID_DRIVE, E_NOENT}, {ERROR_CURRENT_DIRECTORY, E_ACCES},
  {ERROR_NOT_SAME_DEVICE, E_XDEV}, {ERROR_NO_MORE_FILES, E_NOENT}, {ERROR_LOCK_VIOLATION, E_ACCES},
  {ERROR_SHARING_VIOLATION, E_ACCES}, {ERROR_WRITE_PROTECT, E_ACCES}, {ERROR_BAD_NETPATH, E_NOENT},
  {ERROR_NETWORK_ACCESS_DENIED, E_ACCES}, {ERROR_BAD_NET_NAME, E_NOENT}, {ERROR_FILE_EXISTS, E_EXIST},
  {ERROR_CANNOT_MAKE, E_ACCES}, {ERROR_FAIL_I24, E_ACCES}, {ERROR_INVALID_PARAMETER, E_INVAL},
  {ERROR_NO_PROC_SLOTS, E_AGAIN}, {ERROR_DRIVE_LOCKED, E_ACCES}, {ERROR_BROKEN_PIPE, E_PIPE},
  {ERROR_NO_DATA, E_PIPE}, {ERROR_DISK_FULL, E_NOSPC}, {ERROR_INVALID_TARGET_HANDLE, E_BADF},
  {ERROR_WAIT_NO_CHILDREN, E_CHILD}, {ERROR_CHILD_NOT_COMPLETE, E_CHILD}, {ERROR_DIRECT_ACCESS_HANDLE, E_BADF},
  {ERROR_NEGATIVE_SEEK, E_INVAL}, {ERROR_SEEK_ON_DEVICE, E_ACCES}, {ERROR_DIR_NOT_EMPTY, E_NOTEMPTY},
  {ERROR_NOT_LOCKED, E_ACCES}, {ERROR_BAD_PATHNAME, E_NOENT}, {ERROR_MAX_THRDS_REACHED, E_AGAIN},
  {ERROR_LOCK_FAILED, E_ACCES}, {ERROR_ALREADY_EXISTS, E_EXIST}, {ERROR_FILENAME_EXCED_RANGE, E_NOENT},
  {ERROR_NESTING_NOT_ALLOWED, E_AGAIN}, {ERROR_NOT_ENOUGH_QUOTA, E_NOMEM}, {ERROR_DIRECTORY, E_NOENT},
};

int fail_with(DWORD error) {
  *__doserrno() = error;
  errno = E_INVAL;
  for (unsigned i = 0; i < sizeof map / sizeof *map; i++)
    if (map[i].win32 == error) errno = map[i].number;
  return -1;
}

void _dosmaperr(unsigned long error) { fail_with(error); }

int fail_errno(int value) {
  errno = value;
  return -1;
}

char *_sys_errlist[] = {
  "No error", "Operation not permitted", "No such file or directory", "No such process", "Interrupted function call",
  "Input/output error", "No such device or address", "Arg list too long", "Exec format error", "Bad file descriptor",
  "No child processes", "Resource temporarily unavailable", "Not enough space", "Permission denied", "Bad address",
  "Unknown error", "Resource device", "File exists", "Improper link", "No such device", "Not a directory", "Is a directory",
  "Invalid argument", "Too many open files in system", "Too many open files", "Inappropriate I/O control operation",
  "Unknown error", "File too large", "No space left on device", "Invalid seek", "Read-only file system", "Too many links",
  "Broken pipe", "Domain error", "Result too large", "Unknown error", "Resource deadlock avoided", "Unknown error",
  "Filename too long", "No locks available", "Function not implemented", "Directory not empty", "Illegal byte sequence",
  "Unknown error"};
int _sys_nerr = sizeof _sys_errlist / sizeof *_sys_errlist - 1;

char *strerror(int number) {
  char *text = thread_data()->strerror_text;
  return strcpy(text, _sys_errlist[number < 0 || number >= _sys_nerr ? _sys_nerr : number]);
}

char *_strerror(const char *prefix) {
  char *text = thread_data()->strerror_text;
  *text = 0;
  if (prefix && *prefix && strlen(prefix) < 60) strcat(strcpy(text, prefix), ": ");
  return strcat(strcat(text, _sys_errlist[errno < 0 || errno >= _sys_nerr ? _sys_nerr : errno]), "\n");
}

void perror(const char *prefix) {
  const char *text = _sys_errlist[errno < 0 || errno >= _sys_nerr ? _sys_nerr : errno];
  if (prefix && *prefix) _write(2, prefix, strlen(prefix)), _write(2, ": ", 2);
  _write(2, text, strlen(text));
  _write(2, "\n", 1);
}
