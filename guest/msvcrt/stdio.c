/* Streams: buffering over descriptors, in msvcrt's FILE layout (programs index _iob and use its macros). */
#include "crt.h"

enum { BUFFER_SIZE = 4096, MAXIMUM_STREAMS = 512 };

/* Streams behind the twenty of _iob carry their lock with them. */
struct extended_stream {
  FILE stream;
  CRITICAL_SECTION lock;
};

FILE _iob[20];
int _commode;
static CRITICAL_SECTION iob_locks[20];
static struct extended_stream *extended[MAXIMUM_STREAMS - 20];
static int maximum_streams = MAXIMUM_STREAMS;

FILE *__p__iob(void) { return _iob; }
FILE *__iob_func(void) { return _iob; }
int *__p__commode(void) { return &_commode; }

static CRITICAL_SECTION *lock_of(FILE *stream) {
  if (stream >= _iob && stream < _iob + 20) return &iob_locks[stream - _iob];
  return &((struct extended_stream *)stream)->lock;
}
void _lock_file(FILE *stream) { EnterCriticalSection(lock_of(stream)); }
void _unlock_file(FILE *stream) { LeaveCriticalSection(lock_of(stream)); }

void streams_initialise(void) {
  static const int flags[3] = {F_READ, F_WRITE, F_WRITE};
  for (int i = 0; i < 20; i++) InitializeCriticalSection(&iob_locks[i]), _iob[i]._file = -1;
  for (int i = 0; i < 3; i++) _iob[i]._file = i, _iob[i]._flag = flags[i];
  stderr->_flag |= F_NOBUF;
}

static FILE *new_stream(void) {
  FILE *found = NULL;
  _lock(LOCK_TABLE);
  for (int i = 3; i < 20 && !found; i++)
    if (!_iob[i]._flag) found = &_iob[i];
  for (int i = 0; i < maximum_streams - 20 && !found; i++) {
    if (!extended[i]) {
      if (!(extended[i] = calloc(1, sizeof **extended))) break;
      InitializeCriticalSection(&extended[i]->lock);
    }
    if (!extended[i]->stream._flag) found = &extended[i]->stream;
  }
  if (found) *found = (FILE){._flag = F_RW, ._file = -1};
  else errno = E_MFILE;
  _unlock(LOCK_TABLE);
  return found;
}

/* ---- buffers ---- */

static void get_buffer(FILE *stream) {
  if (stream->_base || stream->_flag & F_NOBUF) {
    if (stream->_base) return;
  } else if ((stream->_base = malloc(BUFFER_SIZE))) {
    stream->_flag |= F_MYBUF;
    stream->_bufsiz = BUFFER_SIZE;
    stream->_ptr = stream->_base;
    return;
  }
  stream->_flag |= F_NOBUF;
  stream->_base = stream->_ptr = (char *)&stream->_charbuf;
  stream->_bufsiz = 1;
}

static int flush_buffer(FILE *stream) {
  int result = 0;
  if ((stream->_flag & (F_READ | F_WRITE)) == F_WRITE && stream->_base && stream->_ptr > stream->_base && !(stream->_flag & F_STRG)) {
    int count = (int)(stream->_ptr - stream->_base);
    if (_write(stream->_file, stream->_base, (unsigned)count) != count) stream->_flag |= F_ERR, result = EOF;
    else if (stream->_flag & F_RW) stream->_flag &= ~F_WRITE;
  }
  stream->_ptr = stream->_base;
  stream->_cnt = 0;
  return result;
}

/* Fills an empty buffer and takes its first byte (the slow half of getc). */
int _filbuf(FILE *stream) {
  if (!(stream->_flag & (F_READ | F_WRITE | F_RW)) || stream->_flag & F_STRG) return EOF;
  if (stream->_flag & F_WRITE) {
    stream->_flag |= F_ERR;
    return EOF;
  }
  stream->_flag |= F_READ;
  get_buffer(stream);
  stream->_ptr = stream->_base;
  int count = _read(stream->_file, stream->_base, (unsigned)stream->_bufsiz);
  if (count <= 0) {
    stream->_flag |= count < 0 ? F_ERR : F_EOF;
    stream->_cnt = 0;
    if (stream->_flag & F_RW) stream->_flag &= ~F_READ;
    return EOF;
  }
  stream->_cnt = count - 1;
  return (unsigned char)*stream->_ptr++;
}

/* Empties a full buffer and puts the byte (the slow half of putc). */
int _flsbuf(int byte, FILE *stream) {
  if (!(stream->_flag & (F_WRITE | F_RW)) || stream->_flag & F_STRG) {
    stream->_flag |= F_ERR;
    if (!(stream->_flag & F_STRG)) errno = E_BADF;
    return EOF;
  }
  if (stream->_flag & F_READ) {
    if (!(stream->_flag & F_EOF)) {
      stream->_flag |= F_ERR;
      return EOF;
    }
    stream->_ptr = stream->_base;
    stream->_flag &= ~F_READ;
  }
  stream->_flag = (stream->_flag | F_WRITE) & ~F_EOF;
  stream->_cnt = 0;
  /* Output to a console is not held back: whole calls are, by begin_temporary_buffer. */
  if (!stream->_base && !(stream->_flag & F_NOBUF) && _isatty(stream->_file)) stream->_flag |= F_NOBUF;
  get_buffer(stream);
  if (stream->_flag & F_NOBUF) {
    char c = (char)byte;
    stream->_ptr = stream->_base;
    if (_write(stream->_file, &c, 1) != 1) return stream->_flag |= F_ERR, EOF;
    return (unsigned char)byte;
  }
  int count = (int)(stream->_ptr - stream->_base);
  stream->_ptr = stream->_base;
  if (count > 0 && _write(stream->_file, stream->_base, (unsigned)count) != count) return stream->_flag |= F_ERR, EOF;
  *stream->_ptr++ = (char)byte;
  stream->_cnt = stream->_bufsiz - 1;
  return (unsigned char)byte;
}

int put_byte(int byte, FILE *stream) {
  return --stream->_cnt >= 0 ? (unsigned char)(*stream->_ptr++ = (char)byte) : _flsbuf(byte, stream);
}

int get_byte(FILE *stream) { return --stream->_cnt >= 0 ? (unsigned char)*stream->_ptr++ : _filbuf(stream); }

int unget_byte(int byte, FILE *stream) {
  if (byte == EOF || !(stream->_flag & F_READ || (stream->_flag & F_RW && !(stream->_flag & F_WRITE)))) return EOF;
  get_buffer(stream);
  if (stream->_cnt < 0) stream->_cnt = 0;
  if (stream->_ptr == stream->_base) {
    if (stream->_cnt) return EOF;
    stream->_ptr++;
  }
  *--stream->_ptr = (char)byte;
  stream->_cnt++;
  stream->_flag = (stream->_flag & ~F_EOF) | F_READ;
  return (unsigned char)byte;
}

int begin_temporary_buffer(FILE *stream) {
  if (stream->_base && !(stream->_flag & F_NOBUF)) return 0;
  if (stream != stdout && stream != stderr) return 0;
  if (stream->_flag & (F_MYBUF | F_STRG) || !(stream->_flag & F_WRITE) || !_isatty(stream->_file)) return 0;
  char *buffer = malloc(BUFFER_SIZE);
  if (!buffer) return 0;
  stream->_base = stream->_ptr = buffer;
  stream->_bufsiz = stream->_cnt = BUFFER_SIZE;
  stream->_flag = (stream->_flag & ~F_NOBUF) | F_TEMPBUF | F_MYBUF;
  return 1;
}

void end_temporary_buffer(FILE *stream, int begun) {
  if (!begun) return;
  flush_buffer(stream);
  stream->_flag = (stream->_flag & ~(F_TEMPBUF | F_MYBUF)) | F_NOBUF | F_WRITE;
  free(stream->_base);
  stream->_base = stream->_ptr = NULL;
  stream->_bufsiz = stream->_cnt = 0;
}

/* ---- opening and closing ---- */

static int parse_mode(const wide *mode, int *flags, int *stream_flags) {
  while (*mode == ' ') mode++;
  switch (*mode++) {
    case 'r': *flags = O_RDONLY_, *stream_flags = F_READ; break;
    case 'w': *flags = O_WRONLY_ | O_CREAT_ | O_TRUNC_, *stream_flags = F_WRITE; break;
    case 'a': *flags = O_WRONLY_ | O_CREAT_ | O_APPEND_, *stream_flags = F_WRITE; break;
    default: return fail_errno(E_INVAL);
  }
  for (; *mode && *mode != ','; mode++)
    switch (*mode) {
      case '+': *flags = (*flags & ~3) | O_RDWR_, *stream_flags = F_RW; break;
      case 'b': *flags |= O_BINARY_; break;
      case 't': *flags |= O_TEXT_; break;
      case 'D': *flags |= O_TEMPORARY_; break;
      case 'S': *flags |= 0x20; break;
      case 'R': *flags |= 0x10; break;
      case 'N': *flags |= O_NOINHERIT_; break;
      default: break;
    }
  return 0;
}

static FILE *open_into(FILE *stream, const wide *path, const wide *mode, int share) {
  int flags, stream_flags;
  if (parse_mode(mode, &flags, &stream_flags) < 0 || (stream->_file = open_descriptor(path, flags, share, 0x180)) < 0) {
    stream->_flag = 0;
    return NULL;
  }
  stream->_flag = stream_flags;
  return stream;
}

FILE *_wfsopen(const wide *path, const wide *mode, int share) {
  FILE *stream = new_stream();
  return stream ? open_into(stream, path, mode, share) : NULL;
}

FILE *_fsopen(const char *path, const char *mode, int share) {
  wide *wide_path = widen(path), *wide_mode = widen(mode);
  FILE *stream = wide_path && wide_mode ? _wfsopen(wide_path, wide_mode, share) : NULL;
  free(wide_path);
  free(wide_mode);
  return stream;
}

FILE *fopen(const char *path, const char *mode) { return _fsopen(path, mode, 0x40); }
FILE *_wfopen(const wide *path, const wide *mode) { return _wfsopen(path, mode, 0x40); }
int fopen_s(FILE **stream, const char *path, const char *mode) {
  if (!stream || !path || !mode) return errno = E_INVAL;
  return (*stream = fopen(path, mode)) ? 0 : errno;
}

FILE *_wfdopen(int descriptor, const wide *mode) {
  int flags, stream_flags;
  if (_get_osfhandle(descriptor) == -1 || parse_mode(mode, &flags, &stream_flags) < 0) return NULL;
  FILE *stream = new_stream();
  if (!stream) return NULL;
  stream->_file = descriptor;
  stream->_flag = stream_flags;
  return stream;
}

FILE *_fdopen(int descriptor, const char *mode) {
  wide *wide_mode = widen(mode);
  FILE *stream = wide_mode ? _wfdopen(descriptor, wide_mode) : NULL;
  free(wide_mode);
  return stream;
}

static void drop_buffer(FILE *stream) {
  if (stream->_flag & F_MYBUF) free(stream->_base);
  stream->_flag &= ~(F_MYBUF | F_NOBUF);
  stream->_base = stream->_ptr = NULL;
  stream->_cnt = stream->_bufsiz = 0;
}

static int close_stream(FILE *stream) {
  int result = EOF;
  if (stream->_flag & (F_READ | F_WRITE | F_RW)) {
    result = flush_buffer(stream);
    drop_buffer(stream);
    if (_close(stream->_file) < 0) result = EOF;
    if (stream->_tmpfname) {
      DeleteFileA(stream->_tmpfname);
      free(stream->_tmpfname);
      stream->_tmpfname = NULL;
    }
  }
  stream->_flag = 0;
  stream->_file = -1;
  return result;
}

int fclose(FILE *stream) {
  if (!stream) return fail_errno(E_INVAL);
  _lock_file(stream);
  int result = close_stream(stream);
  _unlock_file(stream);
  return result;
}

FILE *freopen(const char *path, const char *mode, FILE *stream) {
  wide *wide_path = widen(path ? path : ""), *wide_mode = widen(mode);
  _lock_file(stream);
  /* The lowest free descriptor is taken, which is the one just closed: a standard stream keeps its number. */
  close_stream(stream);
  FILE *result = wide_path && wide_mode ? open_into(stream, wide_path, wide_mode, 0x40) : NULL;
  _unlock_file(stream);
  free(wide_path);
  free(wide_mode);
  return result;
}

static FILE *stream_at(int index) { return index < 20 ? &_iob[index] : extended[index - 20] ? &extended[index - 20]->stream : NULL; }

int _flushall(void) {
  int count = 0;
  for (int i = 0; i < maximum_streams; i++) {
    FILE *stream = stream_at(i);
    if (stream && stream->_flag & (F_READ | F_WRITE | F_RW)) flush_buffer(stream), count++;
  }
  return count;
}

int fflush(FILE *stream) {
  if (!stream) {
    int result = 0;
    for (int i = 0; i < maximum_streams; i++) {
      FILE *each = stream_at(i);
      if (each && each->_flag & F_WRITE && fflush(each)) result = EOF;
    }
    return result;
  }
  _lock_file(stream);
  int result = flush_buffer(stream);
  _unlock_file(stream);
  return result;
}

int _fcloseall(void) {
  int count = 0;
  for (int i = 3; i < maximum_streams; i++) {
    FILE *stream = stream_at(i);
    if (stream && stream->_flag && fclose(stream) != EOF) count++;
  }
  return count;
}

/* At exit: everything is written, temporary files go; the standard streams stay open for those who still write. */
void streams_flush_and_close(void) {
  _flushall();
  _fcloseall();
}

int setvbuf(FILE *stream, char *buffer, int mode, size_t size) {
  if (mode != 4 && ((mode != 0 && mode != 0x40) || size < 2 || size > 0x7fffffff)) return EOF;
  size &= ~1u;
  _lock_file(stream);
  flush_buffer(stream);
  drop_buffer(stream);
  if (mode == 4) {
    stream->_flag |= F_NOBUF;
    stream->_base = stream->_ptr = (char *)&stream->_charbuf;
    stream->_bufsiz = 1;
  } else {
    stream->_base = stream->_ptr = buffer ? buffer : malloc(size);
    if (!buffer) stream->_flag |= F_MYBUF;
    stream->_bufsiz = (int)size;
  }
  _unlock_file(stream);
  return stream->_base ? 0 : EOF;
}

void setbuf(FILE *stream, char *buffer) { setvbuf(stream, buffer, buffer ? 0 : 4, 512); }

/* ---- positions ---- */

/* How many raw bytes a stretch of translated text stands for. */
static int64_t raw_length(FILE *stream, const char *from, const char *to) {
  int64_t length = to - from;
  if (!descriptor_is_text(stream->_file)) return length;
  int doubled = stream->_flag & F_WRITE || descriptor_had_crlf(stream->_file);
  for (; doubled && from < to; from++) length += *from == '\n';
  return length;
}

static int64_t position(FILE *stream) {
  if (stream->_cnt < 0) stream->_cnt = 0;
  int64_t here = _lseeki64(stream->_file, 0, 1);
  if (here < 0 || !stream->_base || stream->_flag & F_NOBUF) return here < 0 ? -1 : here - stream->_cnt;
  if ((stream->_flag & (F_READ | F_WRITE)) == F_WRITE) return here + raw_length(stream, stream->_base, stream->_ptr);
  return here - raw_length(stream, stream->_ptr, stream->_ptr + stream->_cnt);
}

int64_t _ftelli64(FILE *stream) {
  _lock_file(stream);
  int64_t here = position(stream);
  _unlock_file(stream);
  return here;
}

long ftell(FILE *stream) {
  int64_t here = _ftelli64(stream);
  return here > 0x7fffffff ? fail_errno(E_INVAL) : (long)here;
}

int _fseeki64(FILE *stream, int64_t offset, int origin) {
  if (origin < 0 || origin > 2 || !(stream->_flag & (F_READ | F_WRITE | F_RW))) return fail_errno(E_INVAL);
  _lock_file(stream);
  if (origin == 1) {
    int64_t here = position(stream);
    offset += here < 0 ? 0 : here;
    origin = 0;
  }
  flush_buffer(stream);
  stream->_flag &= ~F_EOF;
  if (stream->_flag & F_RW) stream->_flag &= ~(F_READ | F_WRITE);
  int result = _lseeki64(stream->_file, offset, origin) < 0 ? -1 : 0;
  _unlock_file(stream);
  return result;
}

int fseek(FILE *stream, long offset, int origin) { return _fseeki64(stream, offset, origin); }
void rewind(FILE *stream) {
  _fseeki64(stream, 0, 0);
  stream->_flag &= ~(F_ERR | F_EOF);
}
int fgetpos(FILE *stream, int64_t *where) { return (*where = _ftelli64(stream)) == -1 ? -1 : 0; }
int fsetpos(FILE *stream, const int64_t *where) { return _fseeki64(stream, *where, 0); }
int feof(FILE *stream) { return stream->_flag & F_EOF; }
int ferror(FILE *stream) { return stream->_flag & F_ERR; }
void clearerr(FILE *stream) { stream->_flag &= ~(F_ERR | F_EOF); }
int _fileno(FILE *stream) { return stream->_file; }
int _setmaxstdio(int count) { return count < 20 || count > MAXIMUM_STREAMS ? -1 : (maximum_streams = count); }
int _getmaxstdio(void) { return maximum_streams; }
