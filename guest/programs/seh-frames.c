/* Frame-based exception handling by hand: registration records at FS:[0], continue, search, nested and unwind. */
#include <stdio.h>
#include <setjmp.h>
#include <windows.h>

typedef struct frame {
  EXCEPTION_REGISTRATION_RECORD registration;
  const char *name;
  jmp_buf target;
} frame;

static int zero;

static EXCEPTION_DISPOSITION handle(EXCEPTION_RECORD *record, void *establisher, CONTEXT *context, void *dispatcher) {
  frame *own = establisher;
  (void)dispatcher;
  printf("%s sees %08lx%s\n", own->name, record->ExceptionCode, record->ExceptionFlags & 6 ? " (unwinding)" : "");
  if (record->ExceptionFlags & 6) return ExceptionContinueSearch;
  if (own->name[0] == 'o') {
    RtlUnwind(own, NULL, record, 0);
    longjmp(own->target, 1);
  }
  if (record->ExceptionCode == EXCEPTION_INT_DIVIDE_BY_ZERO) {
    context->Eax = 42;
    context->Eip += 2; /* over the idiv */
    return ExceptionContinueExecution;
  }
  return ExceptionContinueSearch;
}

static void push(frame *own, const char *name) {
  NT_TIB *tib = (NT_TIB *)NtCurrentTeb();
  own->name = name;
  own->registration.Handler = (PEXCEPTION_ROUTINE)handle;
  own->registration.Next = tib->ExceptionList;
  tib->ExceptionList = &own->registration;
}

static void pop(frame *own) { ((NT_TIB *)NtCurrentTeb())->ExceptionList = own->registration.Next; }

int main(void) {
  /* The chain must climb the stack: an inner frame lies at the lower address. */
  frame frames[2];
  frame *inner = &frames[0], *outer = &frames[1];
  push(outer, "outer");
  if (setjmp(outer->target) == 0) { /* taken here, so that the jump lands with outer innermost */
    push(inner, "inner");
    int quotient = 7;
    __asm__ volatile("cdq; idiv %%ecx" : "+a"(quotient) : "c"(zero) : "edx");
    printf("division continued with %d\n", quotient);
    ULONG_PTR arguments[2] = {1, 2};
    RaiseException(0xe0000001, 0, 2, arguments);
    printf("not reached\n");
  }
  printf("back in main, innermost frame is outer: %d\n", ((NT_TIB *)NtCurrentTeb())->ExceptionList == &outer->registration);
  pop(outer);
  return 0;
}
