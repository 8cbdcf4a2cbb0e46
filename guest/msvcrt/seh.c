/* Frames of C compilers that know __try: _except_handler3 with its scope tables, and the unwinds over them. */
#include "crt.h"

struct scope { int outer; int (*filter)(void); void (*handler)(void); };

/* The registration as such a compiler lays it out in front of the saved EBP. */
struct registration {
  struct registration *next;
  void *handler;
  struct scope *scopes;
  int try_level;
  int ebp;
};

int call_on_frame(void *function, void *ebp);
void jump_on_frame(void *handler, void *ebp) __attribute__((noreturn));

void _local_unwind2(struct registration *frame, int stop_level) {
  while (frame->try_level != -1 && frame->try_level != stop_level) {
    struct scope *scope = &frame->scopes[frame->try_level];
    frame->try_level = scope->outer;
    if (!scope->filter) call_on_frame((void *)scope->handler, &frame->ebp);
  }
}

void _global_unwind2(struct registration *frame) { RtlUnwind(frame, NULL, NULL, 0); }

int _except_handler3(EXCEPTION_RECORD *record, struct registration *frame, CONTEXT *context, void *dispatcher) {
  (void)dispatcher;
  if (record->ExceptionFlags & 6) {
    _local_unwind2(frame, -1);
    return ExceptionContinueSearch;
  }
  EXCEPTION_POINTERS pointers = {record, context};
  /* GetExceptionInformation reads the word in front of the registration. */
  ((volatile uintptr_t *)frame)[-1] = (uintptr_t)&pointers;
  for (int level = frame->try_level; level != -1;) {
    struct scope *scope = &frame->scopes[level];
    if (scope->filter) {
      int answer = call_on_frame((void *)scope->filter, &frame->ebp);
      if (answer < 0) return ExceptionContinueExecution;
      if (answer > 0) {
        _global_unwind2(frame);
        _local_unwind2(frame, level);
        frame->try_level = scope->outer;
        jump_on_frame((void *)scope->handler, &frame->ebp);
      }
    }
    level = scope->outer;
  }
  return ExceptionContinueSearch;
}

void _CxxThrowException(void *object, const void *type) {
  ULONG_PTR arguments[3] = {0x19930520, (ULONG_PTR)object, (ULONG_PTR)type};
  RaiseException(0xe06d7363, 1, 3, arguments);
}
