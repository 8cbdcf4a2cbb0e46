/* io.h: descriptors over Win32 handles, with text translation (CR LF <-> LF, Ctrl-Z ends the input). */
#include "crt.h"

enum { MAXIMUM_DESCRIPTORS = 2048 };
enum { D_OPEN = 1, D_EOF = 2, D_CRLF = 4, D_PIPE = 8, D_NOINHERIT = 0x10, D_APPEND = 0x20, D_DEVICE = 0x40, D_TEXT = 0x80 };

struct descriptor {
  HANDLE handle;
  unsigned char flags;
  /* A byte that was read too far: behind a CR that ended a read. */
  unsigned char has_pending, pending;
};

static struct descriptor table[MAXIMUM_DESCRIPTORS];
int _fmode = O_TEXT_;
int _umask_value;

static struct descriptor *descriptor_of(int number) {
  if ((unsigned)number < MAXIMUM_DESCRIPTORS && table[number].flags & D_OPEN) return &table[number];
  errno = E_BADF;
  *__doserrno() = 0;
  return NULL;
}

static unsigned char kind_flags(HANDLE handle) {
  DWORD type = GetFileType(handle);
  return type == FILE_TYPE_CHAR ? D_DEVICE : type == FILE_TYPE_PIPE ? D_PIPE : 0;
}

static int take_slot(HANDLE handle, int flags) {
  _lock(LOCK_TABLE);
  int number = 0;
  while (number < MAXIMUM_DESCRIPTORS && table[number].flags & D_OPEN) number++;
  if (number < MAXIMUM_DESCRIPTORS) {
    table[number] = (struct descriptor){handle, D_OPEN | kind_flags(handle), 0, 0};
    if (flags & O_APPEND_) table[number].flags |= D_APPEND;
    if (flags & O_NOINHERIT_) table[number].flags |= D_NOINHERIT;
    if (!(flags & O_BINARY_) && (flags & O_TEXT_ || _fmode == O_TEXT_ || !_fmode)) table[number].flags |= D_TEXT;
  }
  _unlock(LOCK_TABLE);
  return number < MAXIMUM_DESCRIPTORS ? number : fail_errno(E_MFILE);
}

/*
 * What parent and child of this library tell each other about descriptors (STARTUPINFO.lpReserved2): a count, a byte of flags each,
 * a handle each, nothing aligned.
 */
static void descriptors_inherit(void) {
  STARTUPINFOW startup;
  int count;
  GetStartupInfoW(&startup);
  const unsigned char *block = startup.lpReserved2;
  if (!block || startup.cbReserved2 < sizeof count) return;
  memcpy(&count, block, sizeof count);
  int held = (int)((startup.cbReserved2 - sizeof count) / (1 + sizeof(HANDLE)));
  if (count < 0 || count > held || count > MAXIMUM_DESCRIPTORS) return;
  for (int i = 0; i < count; i++) {
    HANDLE handle;
    unsigned char flags = block[sizeof count + i];
    memcpy(&handle, block + sizeof count + count + i * sizeof handle, sizeof handle);
    if (!(flags & D_OPEN) || !handle || handle == INVALID_HANDLE_VALUE || handle == (HANDLE)-2) continue;
    table[i] = (struct descriptor){handle, flags & ~(D_EOF | D_CRLF), 0, 0};
  }
}

void *descriptors_for_child(unsigned short *size, int detached) {
  int count = MAXIMUM_DESCRIPTORS;
  while (count > 0 && !(table[count - 1].flags & D_OPEN)) count--;
  *size = (unsigned short)(sizeof count + (size_t)count * (1 + sizeof(HANDLE)));
  unsigned char *block = malloc(*size);
  if (!block) return NULL;
  memcpy(block, &count, sizeof count);
  for (int i = 0; i < count; i++) {
    int given = table[i].flags & D_OPEN && !(table[i].flags & D_NOINHERIT) && !(detached && i < 3);
    HANDLE handle = given ? table[i].handle : INVALID_HANDLE_VALUE;
    block[sizeof count + i] = given ? table[i].flags : 0;
    memcpy(block + sizeof count + count + i * sizeof handle, &handle, sizeof handle);
  }
  return block;
}

void descriptors_initialise(void) {
  static const DWORD standard[3] = {STD_INPUT_HANDLE, STD_OUTPUT_HANDLE, STD_ERROR_HANDLE};
  descriptors_inherit();
  for (int i = 0; i < 3; i++) {
    if (table[i].flags & D_OPEN) continue;
    HANDLE handle = GetStdHandle(standard[i]);
    int usable = handle && handle != INVALID_HANDLE_VALUE;
    /* Without a standard handle the descriptor is open but every transfer fails, as in msvcrt. */
    table[i] = (struct descriptor){usable ? handle : (HANDLE)-2, D_OPEN | D_TEXT, 0, 0};
    table[i].flags |= usable ? kind_flags(handle) : D_DEVICE;
  }
}

int descriptor_is_text(int number) { return (unsigned)number < MAXIMUM_DESCRIPTORS && table[number].flags & D_TEXT; }
int descriptor_had_crlf(int number) { return (unsigned)number < MAXIMUM_DESCRIPTORS && table[number].flags & D_CRLF; }

int open_descriptor(const wide *path, int flags, int share, int mode) {
  static const DWORD dispositions[8] = {OPEN_EXISTING, OPEN_ALWAYS, TRUNCATE_EXISTING, CREATE_ALWAYS,
                                        OPEN_EXISTING, CREATE_NEW,  TRUNCATE_EXISTING, CREATE_NEW};
  int create = (flags & O_CREAT_ ? 1 : 0) | (flags & O_TRUNC_ ? 2 : 0) | (flags & O_EXCL_ ? 4 : 0);
  DWORD access = (flags & 3) == O_RDONLY_ ? GENERIC_READ : (flags & 3) == O_WRONLY_ ? GENERIC_WRITE : GENERIC_READ | GENERIC_WRITE;
  DWORD sharing = share == 0x10 ? 0 : share == 0x20 ? FILE_SHARE_READ : share == 0x30 ? FILE_SHARE_WRITE : FILE_SHARE_READ | FILE_SHARE_WRITE;
  DWORD attributes = FILE_ATTRIBUTE_NORMAL;
  SECURITY_ATTRIBUTES security = {sizeof security, NULL, !(flags & O_NOINHERIT_)};
  if (flags & O_CREAT_ && !(mode & ~_umask_value & 0x80)) attributes = FILE_ATTRIBUTE_READONLY;
  if (flags & O_TEMPORARY_) attributes |= FILE_FLAG_DELETE_ON_CLOSE, access |= DELETE, sharing |= FILE_SHARE_DELETE;
  if (flags & 0x10) attributes |= FILE_FLAG_RANDOM_ACCESS;
  if (flags & 0x20) attributes |= FILE_FLAG_SEQUENTIAL_SCAN;
  HANDLE handle = CreateFileW((LPCWSTR)path, access, sharing, &security, dispositions[create], attributes, NULL);
  if (handle == INVALID_HANDLE_VALUE) return fail_with_last_error();
  int number = take_slot(handle, flags);
  if (number < 0) CloseHandle(handle);
  /* A text file opened for reading and writing loses its Ctrl-Z, so that appending works. */
  else if (table[number].flags & D_TEXT && !(table[number].flags & (D_DEVICE | D_PIPE)) && flags & O_RDWR_) {
    char last;
    if (_lseeki64(number, -1, 2) >= 0 && _read(number, &last, 1) == 0 && GetFileSize(handle, NULL)) {
      SetFilePointer(handle, -1, NULL, FILE_END);
      SetEndOfFile(handle);
    }
    table[number].flags &= ~D_EOF;
    _lseeki64(number, 0, 0);
  }
  return number;
}

static int open_narrow(const char *path, int flags, int share, int mode) {
  wide *wide_path = widen(path);
  if (!wide_path) return -1;
  int number = open_descriptor(wide_path, flags, share, mode);
  free(wide_path);
  return number;
}

int _open(const char *path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  int mode = flags & O_CREAT_ ? va_arg(arguments, int) : 0;
  va_end(arguments);
  return open_narrow(path, flags, 0x40, mode);
}

int _wopen(const wide *path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  int mode = flags & O_CREAT_ ? va_arg(arguments, int) : 0;
  va_end(arguments);
  return open_descriptor(path, flags, 0x40, mode);
}

int _sopen(const char *path, int flags, int share, ...) {
  va_list arguments;
  va_start(arguments, share);
  int mode = flags & O_CREAT_ ? va_arg(arguments, int) : 0;
  va_end(arguments);
  return open_narrow(path, flags, share, mode);
}

int _wsopen(const wide *path, int flags, int share, ...) {
  va_list arguments;
  va_start(arguments, share);
  int mode = flags & O_CREAT_ ? va_arg(arguments, int) : 0;
  va_end(arguments);
  return open_descriptor(path, flags, share, mode);
}

int _creat(const char *path, int mode) { return open_narrow(path, O_CREAT_ | O_TRUNC_ | O_RDWR_, 0x40, mode); }

int _close(int number) {
  struct descriptor *d = descriptor_of(number);
  if (!d) return -1;
  HANDLE handle = d->handle;
  int shared = 0;
  d->flags = 0;
  if (number < 3)
    for (int i = 0; i < 3; i++) shared |= table[i].flags & D_OPEN && table[i].handle == handle;
  return shared || handle == (HANDLE)-2 || CloseHandle(handle) ? 0 : fail_with_last_error();
}

/* One raw read; end of file and a broken pipe are 0 bytes. */
static int read_raw(struct descriptor *d, void *buffer, unsigned count) {
  DWORD got = 0;
  char *to = buffer;
  if (!count) return 0;
  if (d->has_pending) {
    d->has_pending = 0;
    *to++ = (char)d->pending;
    if (d->flags & (D_DEVICE | D_PIPE) || count == 1) return 1;
    int more = read_raw(d, to, count - 1);
    return more < 0 ? 1 : more + 1;
  }
  if (ReadFile(d->handle, to, count, &got, NULL)) return (int)got;
  DWORD error = GetLastError();
  if (error == ERROR_BROKEN_PIPE || error == ERROR_HANDLE_EOF) return 0;
  if (error == ERROR_ACCESS_DENIED) return *__doserrno() = error, fail_errno(E_BADF);
  return fail_with(error);
}

/* Translates in place; `text` holds `count` raw bytes. */
static int translate_input(struct descriptor *d, char *text, int count) {
  char *to = text;
  for (int i = 0; i < count; i++) {
    char c = text[i];
    if (c == 0x1a) {
      if (!(d->flags & (D_DEVICE | D_PIPE))) d->flags |= D_EOF;
      else if (d->flags & D_DEVICE && i == 0) d->flags |= D_EOF;
      if (d->flags & D_EOF) break;
    }
    if (c != '\r') {
      *to++ = c;
      continue;
    }
    char next;
    int has_next = i + 1 < count;
    if (has_next) next = text[i + 1];
    else if (read_raw(d, &next, 1) == 1) d->has_pending = 1, d->pending = (unsigned char)next, has_next = 1;
    if (has_next && next == '\n') {
      d->flags |= D_CRLF;
      if (i + 1 < count) i++;
      else d->has_pending = 0;
      *to++ = '\n';
    } else *to++ = c;
  }
  return (int)(to - text);
}

int _read(int number, void *buffer, unsigned count) {
  struct descriptor *d = descriptor_of(number);
  if (!d) return -1;
  if (!(d->flags & D_TEXT)) return read_raw(d, buffer, count);
  if (d->flags & D_EOF) {
    /* A console delivers again after its end of input. */
    if (d->flags & D_DEVICE) d->flags &= ~D_EOF;
    return 0;
  }
  for (;;) {
    int got = read_raw(d, buffer, count);
    if (got <= 0) return got;
    int kept = translate_input(d, buffer, got);
    if (kept > 0 || d->flags & D_EOF) {
      if (kept == 0 && d->flags & D_DEVICE) d->flags &= ~D_EOF;
      return kept;
    }
  }
}

static int write_raw(struct descriptor *d, const char *text, unsigned count) {
  DWORD put = 0;
  if (!count) return 0;
  if (WriteFile(d->handle, text, count, &put, NULL)) {
    if (put == 0) return *__doserrno() = 0, fail_errno(E_NOSPC);
    return (int)put;
  }
  DWORD error = GetLastError();
  if (error == ERROR_ACCESS_DENIED) return *__doserrno() = error, fail_errno(E_BADF);
  return fail_with(error);
}

int _write(int number, const void *buffer, unsigned count) {
  struct descriptor *d = descriptor_of(number);
  if (!d) return -1;
  if (d->flags & D_APPEND) SetFilePointer(d->handle, 0, NULL, FILE_END);
  if (!(d->flags & D_TEXT)) return write_raw(d, buffer, count);
  const char *from = buffer, *end = from + count;
  char block[1025];
  while (from < end) {
    const char *start = from;
    unsigned length = 0;
    for (; from < end && length < sizeof block - 1; from++) {
      if (*from == '\n') block[length++] = '\r';
      block[length++] = *from;
    }
    int put = write_raw(d, block, length);
    if (put < 0) return start == buffer ? -1 : (int)(start - (const char *)buffer);
    if ((unsigned)put < length) return (int)(start - (const char *)buffer) + put;
  }
  return (int)count;
}

int64_t _lseeki64(int number, int64_t offset, int origin) {
  struct descriptor *d = descriptor_of(number);
  if (!d) return -1;
  if (d->flags & (D_DEVICE | D_PIPE)) return *__doserrno() = ERROR_SEEK_ON_DEVICE, fail_errno(d->flags & D_PIPE ? E_SPIPE : E_BADF);
  if (d->has_pending && origin == FILE_CURRENT) offset--;
  LONG high = (LONG)(offset >> 32);
  DWORD low = SetFilePointer(d->handle, (LONG)offset, &high, (DWORD)origin);
  if (low == INVALID_SET_FILE_POINTER && GetLastError()) return fail_with_last_error();
  d->has_pending = 0;
  d->flags &= ~D_EOF;
  return (int64_t)high << 32 | low;
}

long _lseek(int number, long offset, int origin) {
  int64_t position = _lseeki64(number, offset, origin);
  return position > 0x7fffffff ? fail_errno(E_INVAL) : (long)position;
}

long _tell(int number) { return _lseek(number, 0, 1); }
int64_t _telli64(int number) { return _lseeki64(number, 0, 1); }
int _isatty(int number) {
  struct descriptor *d = descriptor_of(number);
  return d ? d->flags & D_DEVICE : 0;
}

intptr_t _get_osfhandle(int number) {
  struct descriptor *d = descriptor_of(number);
  return d ? (intptr_t)d->handle : -1;
}

int _open_osfhandle(intptr_t handle, int flags) {
  if (GetFileType((HANDLE)handle) == FILE_TYPE_UNKNOWN) return fail_errno(E_BADF);
  return take_slot((HANDLE)handle, flags & O_TEXT_ ? flags : flags | O_BINARY_);
}

static int duplicate_into(struct descriptor *from, int to) {
  HANDLE copy, self = GetCurrentProcess();
  if (!DuplicateHandle(self, from->handle, self, &copy, 0, TRUE, DUPLICATE_SAME_ACCESS)) return fail_with_last_error();
  table[to] = *from;
  table[to].handle = copy;
  table[to].flags &= ~D_NOINHERIT;
  return 0;
}

int _dup(int number) {
  struct descriptor *d = descriptor_of(number);
  if (!d) return -1;
  for (int to = 0; to < MAXIMUM_DESCRIPTORS; to++)
    if (!(table[to].flags & D_OPEN)) return duplicate_into(d, to) ? -1 : to;
  return fail_errno(E_MFILE);
}

int _dup2(int number, int to) {
  static const DWORD standard[3] = {STD_INPUT_HANDLE, STD_OUTPUT_HANDLE, STD_ERROR_HANDLE};
  struct descriptor *d = descriptor_of(number);
  if (!d) return -1;
  if ((unsigned)to >= MAXIMUM_DESCRIPTORS) return fail_errno(E_BADF);
  if (to == number) return 0;
  if (table[to].flags & D_OPEN) _close(to);
  if (duplicate_into(d, to)) return -1;
  if (to < 3) SetStdHandle(standard[to], table[to].handle);
  return 0;
}

int _setmode(int number, int mode) {
  struct descriptor *d = descriptor_of(number);
  if (!d) return -1;
  if (mode != O_TEXT_ && mode != O_BINARY_) return fail_errno(E_INVAL);
  int old = d->flags & D_TEXT ? O_TEXT_ : O_BINARY_;
  if (mode == O_TEXT_) d->flags |= D_TEXT;
  else d->flags &= ~D_TEXT;
  return old;
}

int _commit(int number) {
  struct descriptor *d = descriptor_of(number);
  if (!d) return -1;
  return FlushFileBuffers(d->handle) ? 0 : (*__doserrno() = GetLastError(), fail_errno(E_BADF));
}

int64_t _filelengthi64(int number) {
  int64_t here = _lseeki64(number, 0, 1);
  if (here < 0) return -1;
  int64_t length = _lseeki64(number, 0, 2);
  _lseeki64(number, here, 0);
  return length;
}

long _filelength(int number) { return (long)_filelengthi64(number); }

int _eof(int number) {
  int64_t here = _lseeki64(number, 0, 1), length = _filelengthi64(number);
  return here < 0 || length < 0 ? -1 : here >= length;
}

int _chsize(int number, long size) {
  struct descriptor *d = descriptor_of(number);
  if (!d) return -1;
  int64_t here = _lseeki64(number, 0, 1);
  if (here < 0 || _lseeki64(number, size, 0) < 0) return -1;
  int done = SetEndOfFile(d->handle);
  if (!done) fail_with_last_error();
  _lseeki64(number, here, 0);
  return done ? 0 : -1;
}

int _pipe(int numbers[2], unsigned size, int flags) {
  HANDLE ends[2];
  SECURITY_ATTRIBUTES security = {sizeof security, NULL, !(flags & O_NOINHERIT_)};
  if (!CreatePipe(&ends[0], &ends[1], &security, size)) return fail_with_last_error();
  if ((numbers[0] = take_slot(ends[0], flags)) < 0) {
    CloseHandle(ends[0]);
  } else {
    if ((numbers[1] = take_slot(ends[1], flags)) >= 0) return 0;
    _close(numbers[0]);
  }
  CloseHandle(ends[1]);
  return fail_errno(E_MFILE);
}

int _locking(int number, int mode, long count) {
  struct descriptor *d = descriptor_of(number);
  int64_t here = d ? _lseeki64(number, 0, 1) : -1;
  if (here < 0) return -1;
  if (mode == 0 ? UnlockFile(d->handle, (DWORD)here, (DWORD)(here >> 32), (DWORD)count, 0)
                : LockFile(d->handle, (DWORD)here, (DWORD)(here >> 32), (DWORD)count, 0)) return 0;
  return fail_with_last_error();
}

int _umask(int mode) {
  int old = _umask_value;
  _umask_value = mode & 0x180;
  return old;
}

int *__p__fmode(void) { return &_fmode; }
int _get_fmode(int *mode) { return *mode = _fmode, 0; }
int _set_fmode(int mode) { return _fmode = mode, 0; }
