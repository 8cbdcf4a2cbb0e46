/*
 * What the files of msvcrt.dll share. The C library's own headers are not used: they declare everything as imported
 * from this very DLL. Layouts that programs see (FILE, jmp_buf, struct stat ...) are those of msvcrt.dll.
 */
#ifndef NT86_CRT_H
#define NT86_CRT_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

/* Kept out: it declares what this library defines, as imported and partly as macros. */
#define _INC_CTYPE
#define WIN32_LEAN_AND_MEAN
#define NOGDI
#include <windows.h>

typedef unsigned short wide;

/* ---- errno values of msvcrt ---- */
enum {
  E_PERM = 1, E_NOENT = 2, E_INTR = 4, E_IO = 5, E_2BIG = 7, E_NOEXEC = 8, E_BADF = 9, E_CHILD = 10, E_AGAIN = 11,
  E_NOMEM = 12, E_ACCES = 13, E_BUSY = 16, E_EXIST = 17, E_XDEV = 18, E_NOTDIR = 20, E_ISDIR = 21, E_INVAL = 22,
  E_MFILE = 24, E_NOSPC = 28, E_SPIPE = 29, E_ROFS = 30, E_PIPE = 32, E_DOM = 33, E_RANGE = 34, E_DEADLK = 36,
  E_NAMETOOLONG = 38, E_NOSYS = 40, E_NOTEMPTY = 41, E_ILSEQ = 42
};

int *_errno(void);
unsigned long *__doserrno(void);
#define errno (*_errno())
/* Sets errno and _doserrno from a Win32 error and returns -1. */
int fail_with(DWORD error);
#define fail_with_last_error() fail_with(GetLastError())
/* Sets errno alone and returns -1. */
int fail_errno(int value);

/* ---- per-thread data (thread.c) ---- */
struct thread_data {
  int errno_value;
  unsigned long doserrno;
  unsigned random_seed;
  char *strtok_next;
  wide *wcstok_next;
  char asctime_text[26];
  wide wasctime_text[26];
  char strerror_text[128];
  char tmpnam_text[MAX_PATH];
  int tm[9];
  void *exception_pointers;
  int floating_point_error;
  unsigned (__stdcall *start)(void *);
  void *start_argument;
};
struct thread_data *thread_data(void);
void thread_data_free(void);

/* ---- locks, numbered as msvcrt's _lock ---- */
enum { LOCK_SIGNAL = 1, LOCK_TABLE = 2, LOCK_TIME = 6, LOCK_ENVIRONMENT = 7, LOCK_EXIT = 8, LOCK_TEMPORARY = 9, LOCK_LOCALE = 19, LOCKS = 64 };
void _lock(int number);
void _unlock(int number);
void locks_initialise(void);

/* ---- low-level files (low-io.c) ---- */
enum { O_RDONLY_ = 0, O_WRONLY_ = 1, O_RDWR_ = 2, O_APPEND_ = 8, O_CREAT_ = 0x100, O_TRUNC_ = 0x200, O_EXCL_ = 0x400,
       O_TEMPORARY_ = 0x40, O_NOINHERIT_ = 0x80, O_TEXT_ = 0x4000, O_BINARY_ = 0x8000 };
void descriptors_initialise(void);
/* lpReserved2 for a child that inherits handles, from malloc. @param detached without the standard streams */
void *descriptors_for_child(unsigned short *size, int detached);
int _read(int descriptor, void *buffer, unsigned count);
int _write(int descriptor, const void *buffer, unsigned count);
int _close(int descriptor);
int _isatty(int descriptor);
int64_t _lseeki64(int descriptor, int64_t offset, int origin);
int open_descriptor(const wide *path, int flags, int share, int mode);
int descriptor_is_text(int descriptor);
/* Whether the last text read met CR LF pairs: ftell counts a newline as two bytes then. */
int descriptor_had_crlf(int descriptor);
intptr_t _get_osfhandle(int descriptor);

/* ---- streams (stdio.c); layout as msvcrt's ---- */
typedef struct _iobuf {
  char *_ptr;
  int _cnt;
  char *_base;
  int _flag;
  int _file;
  int _charbuf;
  int _bufsiz;
  char *_tmpfname;
} FILE;
enum { F_READ = 1, F_WRITE = 2, F_NOBUF = 4, F_MYBUF = 8, F_EOF = 0x10, F_ERR = 0x20, F_STRG = 0x40, F_RW = 0x80, F_TEMPBUF = 0x1000 };
#define EOF (-1)
extern FILE _iob[20];
#define stdin (&_iob[0])
#define stdout (&_iob[1])
#define stderr (&_iob[2])
void streams_initialise(void);
void streams_flush_and_close(void);
void _lock_file(FILE *stream);
void _unlock_file(FILE *stream);
/* Without taking the lock. */
int put_byte(int byte, FILE *stream);
int get_byte(FILE *stream);
int unget_byte(int byte, FILE *stream);
/* Gives an unbuffered console stream a buffer for the time of one call, as msvcrt does; ends with the flush. */
int begin_temporary_buffer(FILE *stream);
void end_temporary_buffer(FILE *stream, int begun);

/* ---- formatted output and input ---- */
struct output {
  void (*put)(struct output *output, unsigned unit);
  void *target;
  size_t room;
  int count;
  int failed;
};
/* The one formatter of both families: `is_wide` says what the format string and plain %s/%c are. Returns the count or -1. */
int format_output(struct output *output, const void *format, int is_wide, va_list arguments);

struct input {
  int (*get)(struct input *input);
  void (*unget)(struct input *input, int unit);
  void *source;
  size_t position;
};
int scan_input(struct input *input, const void *format, int is_wide, va_list arguments);

/* ---- strings and conversions used across files ---- */
void *memcpy(void *target, const void *source, size_t count);
void *memmove(void *target, const void *source, size_t count);
void *memset(void *target, int byte, size_t count);
int memcmp(const void *a, const void *b, size_t count);
void *memchr(const void *memory, int byte, size_t count);
size_t strlen(const char *text);
char *strcpy(char *target, const char *source);
char *strcat(char *target, const char *source);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t count);
char *strchr(const char *text, int character);
char *strrchr(const char *text, int character);
char *strstr(const char *text, const char *part);
char *_strdup(const char *text);
int _stricmp(const char *a, const char *b);
size_t wcslen(const wide *text);
wide *wcscpy(wide *target, const wide *source);
wide *wcschr(const wide *text, wide character);
wide *wcsrchr(const wide *text, wide character);
wide *_wcsdup(const wide *text);
int tolower(int c);
int toupper(int c);
int isspace(int c);
int isdigit(int c);
int isalpha(int c);
unsigned long strtoul(const char *text, char **end, int base);
/* UTF-16 of a narrow text in the ANSI code page, from malloc; NULL and errno when there is no memory. */
wide *widen(const char *text);
char *narrow(const wide *text);

/* ---- memory ---- */
void *malloc(size_t size);
void *calloc(size_t count, size_t size);
void *realloc(void *block, size_t size);
void free(void *block);
void heap_initialise(void);

/* ---- start and end ---- */
void environment_initialise(void);
void __cdecl exit(int code) __attribute__((noreturn));
void __cdecl _exit(int code) __attribute__((noreturn));
void __cdecl abort(void) __attribute__((noreturn));
int raise(int number);
int _isctype(int c, int mask);

/* gdtoa and friends, from mingw-w64's static runtime */
char *__dtoa(double value, int mode, int digits, int *exponent, int *sign, char **end);
void __freedtoa(char *text);
double __strtod(const char *text, char **end);

#endif
