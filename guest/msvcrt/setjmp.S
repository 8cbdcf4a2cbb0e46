/*
 * setjmp, longjmp and _except_handler3's helpers. jmp_buf of msvcrt for i386: ebp ebx edi esi esp eip registration
 * try-level cookie unwind-function data[6].
 */
  .intel_syntax noprefix
  .text

  .globl __setjmp, __setjmp3
/* int _setjmp(jmp_buf), int _setjmp3(jmp_buf, int count, ...) */
__setjmp3:
__setjmp:
  mov edx, [esp + 4]
  mov [edx], ebp
  mov [edx + 4], ebx
  mov [edx + 8], edi
  mov [edx + 12], esi
  mov [edx + 16], esp
  mov eax, [esp]
  mov [edx + 20], eax
  mov dword ptr [edx + 32], 0x56433230  /* 'VC20': the fields behind are filled */
  mov dword ptr [edx + 36], 0
  mov dword ptr [edx + 28], -1
  mov eax, fs:[0]
  mov [edx + 24], eax
  cmp eax, -1
  je 1f
  mov eax, [eax + 12]
  mov [edx + 28], eax
1:
  xor eax, eax
  ret

/* void longjmp(jmp_buf, int): unwinds to the registration first, then restores the registers. */
  .globl _longjmp
_longjmp:
  mov ebx, [esp + 4]
  mov esi, [esp + 8]
  mov eax, [ebx + 24]
  cmp eax, fs:[0]
  je 2f
  push 0
  push 0
  push offset 2f
  push eax
  call _RtlUnwind@16
2:
  test esi, esi
  jne 3f
  inc esi
3:
  mov eax, esi
  mov edx, ebx
  mov ebp, [edx]
  mov ebx, [edx + 4]
  mov edi, [edx + 8]
  mov esi, [edx + 12]
  mov esp, [edx + 16]
  add esp, 4
  jmp [edx + 20]

/* int call_on_frame(void *function, void *ebp): runs a filter or handler of a C frame with that frame's EBP. */
  .globl _call_on_frame
_call_on_frame:
  push ebp
  push ebx
  push esi
  push edi
  mov eax, [esp + 20]
  mov ebp, [esp + 24]
  call eax
  pop edi
  pop esi
  pop ebx
  pop ebp
  ret

/* void jump_on_frame(void *handler, void *ebp): enters an __except block; its code restores ESP from [ebp - 18h]. */
  .globl _jump_on_frame
_jump_on_frame:
  mov eax, [esp + 4]
  mov ebp, [esp + 8]
  mov esp, [ebp - 0x18]
  jmp eax
