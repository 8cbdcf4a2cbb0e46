/* signal, raise, and the mapping of exceptions to signals. */
#include "crt.h"

typedef void (*handler)(int);
#define DEFAULT ((handler)0)
#define IGNORED ((handler)1)
#define ERROR_HANDLER ((handler)-1)
enum { INTERRUPT = 2, ILLEGAL = 4, ABORT_COMPATIBLE = 6, FLOATING = 8, SEGMENT = 11, TERMINATE = 15, BREAK = 21, ABORT = 22 };

static handler handlers[23];
static int console_handler_set;

static BOOL WINAPI console_event(DWORD event) {
  int number = event == CTRL_C_EVENT ? INTERRUPT : BREAK;
  handler action = handlers[number];
  if (action == DEFAULT) return FALSE;
  if (action != IGNORED) {
    handlers[number] = DEFAULT;
    action(number);
  }
  return TRUE;
}

handler signal(int number, handler action) {
  if (number == ABORT_COMPATIBLE) number = ABORT;
  switch (number) {
    case INTERRUPT: case BREAK:
      if (!console_handler_set) console_handler_set = SetConsoleCtrlHandler(console_event, TRUE);
      break;
    case ILLEGAL: case FLOATING: case SEGMENT: case TERMINATE: case ABORT: break;
    default: errno = E_INVAL; return ERROR_HANDLER;
  }
  _lock(LOCK_SIGNAL);
  handler old = handlers[number];
  handlers[number] = action;
  _unlock(LOCK_SIGNAL);
  return old;
}

int raise(int number) {
  if (number == ABORT_COMPATIBLE) number = ABORT;
  switch (number) {
    case INTERRUPT: case ILLEGAL: case FLOATING: case SEGMENT: case TERMINATE: case BREAK: case ABORT: break;
    default: return fail_errno(E_INVAL);
  }
  handler action = handlers[number];
  if (action == IGNORED) return 0;
  if (action == DEFAULT) _exit(3);
  handlers[number] = DEFAULT;
  if (number == FLOATING) ((void (*)(int, int))(void *)action)(number, thread_data()->floating_point_error);
  else action(number);
  return 0;
}

static const struct { DWORD exception; int number, code; } map[] = {
  {EXCEPTION_ACCESS_VIOLATION, SEGMENT, 0},       {EXCEPTION_ILLEGAL_INSTRUCTION, ILLEGAL, 0},
  {EXCEPTION_PRIV_INSTRUCTION, ILLEGAL, 0},       {EXCEPTION_FLT_DENORMAL_OPERAND, FLOATING, 0x82},
  {EXCEPTION_FLT_DIVIDE_BY_ZERO, FLOATING, 0x83}, {EXCEPTION_FLT_INEXACT_RESULT, FLOATING, 0x86},
  {EXCEPTION_FLT_INVALID_OPERATION, FLOATING, 0x81}, {EXCEPTION_FLT_OVERFLOW, FLOATING, 0x84},
  {EXCEPTION_FLT_STACK_CHECK, FLOATING, 0x8a},    {EXCEPTION_FLT_UNDERFLOW, FLOATING, 0x85},
};

/* The filter of main's exception frame: a signal handler decides, or the system's unhandled filter. */
int _XcptFilter(DWORD exception, EXCEPTION_POINTERS *pointers) {
  struct thread_data *data = thread_data();
  for (unsigned i = 0; i < sizeof map / sizeof *map; i++) {
    if (map[i].exception != exception) continue;
    handler action = handlers[map[i].number];
    if (action == DEFAULT) break;
    if (action == IGNORED) return EXCEPTION_CONTINUE_EXECUTION;
    void *old = data->exception_pointers;
    data->exception_pointers = pointers;
    handlers[map[i].number] = DEFAULT;
    if (map[i].number == FLOATING) {
      data->floating_point_error = map[i].code;
      ((void (*)(int, int))(void *)action)(FLOATING, map[i].code);
    } else action(map[i].number);
    data->exception_pointers = old;
    return EXCEPTION_CONTINUE_EXECUTION;
  }
  return UnhandledExceptionFilter(pointers);
}

void **__pxcptinfoptrs(void) { return &thread_data()->exception_pointers; }
int *__fpecode(void) { return &thread_data()->floating_point_error; }
