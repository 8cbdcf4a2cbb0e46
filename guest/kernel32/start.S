# Where threads start, and the exported interlocked operations (which compilers otherwise put in line).
.intel_syntax noprefix
.text

# EAX = entry point of the program.
.globl _BaseProcessStartThunk
.balign 16
_BaseProcessStartThunk:
    xor ebp, ebp
    push eax
    push 0
    jmp _BaseProcessStart@4

# EAX = thread routine, EBX = its parameter.
.globl _BaseThreadStartThunk
.balign 16
_BaseThreadStartThunk:
    xor ebp, ebp
    push ebx
    push eax
    push 0
    jmp _BaseThreadStart@8

# base_call(routine, parameter) -> EAX, inside a frame that hands unhandled exceptions to the process's filter.
.globl _base_call@8
.balign 16
_base_call@8:
    push ebp
    mov ebp, esp
    push ebx
    push esi
    push edi
    push offset _base_handler
    push dword ptr fs:[0]
    mov fs:[0], esp
    push dword ptr [ebp + 12]
    call [ebp + 8]
    lea esp, [ebp - 20]
    pop dword ptr fs:[0]
    add esp, 4
    pop edi
    pop esi
    pop ebx
    pop ebp
    ret 8

.globl _InterlockedIncrement@4, _InterlockedDecrement@4, _InterlockedExchange@8, _InterlockedExchangeAdd@8
.globl _InterlockedCompareExchange@12, _InterlockedCompareExchange64@20
.balign 16
_InterlockedIncrement@4:
    mov ecx, [esp + 4]
    mov eax, 1
    lock xadd [ecx], eax
    inc eax
    ret 4
.balign 16
_InterlockedDecrement@4:
    mov ecx, [esp + 4]
    or eax, -1
    lock xadd [ecx], eax
    dec eax
    ret 4
.balign 16
_InterlockedExchange@8:
    mov ecx, [esp + 4]
    mov eax, [esp + 8]
    xchg [ecx], eax
    ret 8
.balign 16
_InterlockedExchangeAdd@8:
    mov ecx, [esp + 4]
    mov eax, [esp + 8]
    lock xadd [ecx], eax
    ret 8
.balign 16
_InterlockedCompareExchange@12:
    mov ecx, [esp + 4]
    mov edx, [esp + 8]
    mov eax, [esp + 12]
    lock cmpxchg [ecx], edx
    ret 12
.balign 16
_InterlockedCompareExchange64@20:
    push ebx
    push esi
    mov esi, [esp + 12]
    mov ebx, [esp + 16]
    mov ecx, [esp + 20]
    mov eax, [esp + 24]
    mov edx, [esp + 28]
    lock cmpxchg8b [esi]
    pop esi
    pop ebx
    ret 20
