/*
 * __try and __except for a compiler that lacks them: a registration record in the exception chain, and a jump to the handler.
 * Every filter is taken for EXCEPTION_EXECUTE_HANDLER. Leaving the block in any way, RETURN included, takes the record off the chain.
 */
#pragma once
#include <setjmp.h>
#include <windows.h>

typedef struct try_frame {
  EXCEPTION_REGISTRATION_RECORD registration;
  jmp_buf target;
} try_frame;

static EXCEPTION_DISPOSITION try_handler(EXCEPTION_RECORD *record, void *establisher, CONTEXT *context, void *dispatcher) {
  try_frame *own = establisher;
  (void)context, (void)dispatcher;
  if (record->ExceptionFlags & 6) return ExceptionContinueSearch;
  RtlUnwind(own, NULL, record, 0);
  longjmp(own->target, 1);
}

static inline void try_enter(try_frame *own) {
  NT_TIB *tib = (NT_TIB *)NtCurrentTeb();
  own->registration.Handler = (PEXCEPTION_ROUTINE)try_handler;
  own->registration.Next = tib->ExceptionList;
  tib->ExceptionList = &own->registration;
}

static inline void try_leave(try_frame *own) {
  NT_TIB *tib = (NT_TIB *)NtCurrentTeb();
  if (tib->ExceptionList == &own->registration) tib->ExceptionList = own->registration.Next;
}

#undef __try
#undef __except
#define __try                                                                                                          \
  for (try_frame own_frame __attribute__((cleanup(try_leave))), *own_once = (try_enter(&own_frame), &own_frame);       \
       own_once != NULL; own_once = NULL)                                                                              \
    if (setjmp(own_frame.target) == 0)
#define __except(filter) else
