# Doors between user mode and the kernel, and the places at which the kernel enters user mode (NT 5.2 contracts).
.intel_syntax noprefix
.text

# EAX = service number. EDX = stack pointer at the call: two return addresses, then the arguments.
.globl _KiFastSystemCall
.balign 16
_KiFastSystemCall:
    mov edx, esp
    sysenter
.globl _KiFastSystemCallRet
_KiFastSystemCallRet:
    ret

# The same through the interrupt gate: EDX = address of the arguments.
.globl _KiIntSystemCall
.balign 16
_KiIntSystemCall:
    lea edx, [esp + 8]
    int 0x2e
    ret

# [esp] = EXCEPTION_RECORD*, [esp+4] = CONTEXT*. Never returns.
.globl _KiUserExceptionDispatcher
.balign 16
_KiUserExceptionDispatcher:
    cld
    mov ecx, [esp + 4]
    mov ebx, [esp]
    push ecx
    push ebx
    call _RtlDispatchException@8
    pop ebx
    pop ecx
    test al, al
    jz 1f
    push 0
    push ecx
    call _NtContinue@8
    jmp 2f
1:  push 0
    push ecx
    push ebx
    call _NtRaiseException@12
    # Neither returns unless the context was refused: that becomes an exception of its own.
2:  push eax
    call _RtlRaiseStatus@4

# [esp] = routine, [esp+4..+0xC] = its three arguments, [esp+0x10] = CONTEXT to continue with.
.globl _KiUserApcDispatcher
.balign 16
_KiUserApcDispatcher:
    lea edi, [esp + 16]
    pop eax
    call eax
    push 1
    push edi
    call _NtContinue@8
    push eax
    call _RtlRaiseStatus@4

# [esp] = routine index, [esp+4] = argument, [esp+8] = length.
.globl _KiUserCallbackDispatcher
.balign 16
_KiUserCallbackDispatcher:
    add esp, 4
    pop edx
    mov eax, fs:[0x30]
    mov eax, [eax + 0x2c]
    test eax, eax
    jz 1f
    call [eax + edx * 4]
    jmp 2f
1:  mov eax, 0xC0000002
2:  push eax
    push 0
    push 0
    call _NtCallbackReturn@12
    push eax
    call _RtlRaiseStatus@4

# The kernel left a status in TEB.ExceptionCode and the interrupted EIP on the stack.
.globl _KiRaiseUserExceptionDispatcher
.balign 16
_KiRaiseUserExceptionDispatcher:
    push ebp
    mov ebp, esp
    sub esp, 0x50
    mov eax, fs:[0x18]
    mov eax, [eax + 0x1a4]
    mov [ebp - 0x50], eax
    mov dword ptr [ebp - 0x4c], 0
    mov dword ptr [ebp - 0x48], 0
    mov dword ptr [ebp - 0x40], 0
    lea ecx, [ebp - 0x50]
    push ecx
    call _RtlRaiseException@4
    mov eax, [ebp - 0x50]
    leave
    ret

.globl _DbgBreakPoint@0
_DbgBreakPoint@0:
    int3
    ret
.globl _DbgUserBreakPoint@0
_DbgUserBreakPoint@0:
    int3
    ret

# The context of the caller as it will be after the return. All registers and flags are kept.
.globl _RtlCaptureContext@4
.balign 16
_RtlCaptureContext@4:
    pushfd
    push ebx
    mov ebx, [esp + 12]
    mov dword ptr [ebx], 0x10007
    mov [ebx + 0x9c], edi
    mov [ebx + 0xa0], esi
    mov [ebx + 0xa8], edx
    mov [ebx + 0xac], ecx
    mov [ebx + 0xb0], eax
    mov [ebx + 0xb4], ebp
    mov eax, [esp]
    mov [ebx + 0xa4], eax
    mov eax, [esp + 4]
    mov [ebx + 0xc0], eax
    mov eax, [esp + 8]
    mov [ebx + 0xb8], eax
    lea eax, [esp + 16]
    mov [ebx + 0xc4], eax
    mov word ptr [ebx + 0x8e], 0
    mov word ptr [ebx + 0x92], 0
    mov word ptr [ebx + 0x96], 0
    mov word ptr [ebx + 0x9a], 0
    mov word ptr [ebx + 0xbe], 0
    mov word ptr [ebx + 0xca], 0
    mov word ptr [ebx + 0x8c], gs
    mov word ptr [ebx + 0x90], fs
    mov word ptr [ebx + 0x94], es
    mov word ptr [ebx + 0x98], ds
    mov word ptr [ebx + 0xbc], cs
    mov word ptr [ebx + 0xc8], ss
    mov eax, [ebx + 0xb0]
    pop ebx
    popfd
    ret 4

# RtlRaiseException(record): the context is the caller's, so that a continued exception returns to it.
.globl _RtlRaiseException@4
.balign 16
_RtlRaiseException@4:
    push ebp
    mov ebp, esp
    sub esp, 0x2cc
    push esp
    call _RtlCaptureContext@4
    mov eax, [ebp]
    mov [esp + 0xb4], eax
    mov eax, [ebp + 4]
    mov [esp + 0xb8], eax
    lea edx, [ebp + 12]
    mov [esp + 0xc4], edx
    mov ecx, [ebp + 8]
    mov [ecx + 0xc], eax
    mov eax, esp
    push eax
    push ecx
    call _RtlpRaise@8

# RtlUnwind(frame, ip, record, value): builds the context that the caller sees after the return and hands it on.
.globl _RtlUnwind@16
.balign 16
_RtlUnwind@16:
    push ebp
    mov ebp, esp
    sub esp, 0x2cc
    push esp
    call _RtlCaptureContext@4
    mov eax, [ebp]
    mov [esp + 0xb4], eax
    mov eax, [ebp + 4]
    mov [esp + 0xb8], eax
    lea eax, [ebp + 24]
    mov [esp + 0xc4], eax
    mov eax, [ebp + 20]
    mov [esp + 0xb0], eax
    mov eax, esp
    push eax
    push dword ptr [ebp + 16]
    push dword ptr [ebp + 8]
    call _RtlpUnwind@12
    mov eax, [ebp + 20]
    leave
    ret 16

# RtlpCallHandler(record, frame, context, dispatcherContext, handler, guard): calls a frame handler below a registration of
# our own, whose handler (guard) sees exceptions raised by the handler itself. [registration + 8] = the frame served.
.globl _RtlpCallHandler@24
.balign 16
_RtlpCallHandler@24:
    push ebp
    mov ebp, esp
    push ebx
    push esi
    push edi
    push dword ptr [ebp + 12]
    push dword ptr [ebp + 28]
    push dword ptr fs:[0]
    mov fs:[0], esp
    push dword ptr [ebp + 20]
    push dword ptr [ebp + 16]
    push dword ptr [ebp + 12]
    push dword ptr [ebp + 8]
    call [ebp + 24]
    # Handlers of either calling convention are in use: take the stack pointer from the frame.
    lea esp, [ebp - 24]
    pop dword ptr fs:[0]
    add esp, 8
    pop edi
    pop esi
    pop ebx
    pop ebp
    ret 24

# RtlpCallEntry(entry, base, reason, context) -> EAX: calls a DLL entry point that may spoil registers or the stack.
.globl _RtlpCallEntry@16
.balign 16
_RtlpCallEntry@16:
    push ebp
    mov ebp, esp
    push ebx
    push esi
    push edi
    push dword ptr [ebp + 20]
    push dword ptr [ebp + 16]
    push dword ptr [ebp + 12]
    call [ebp + 8]
    lea esp, [ebp - 12]
    pop edi
    pop esi
    pop ebx
    pop ebp
    ret 16

# RtlpDebugService(service, address, length): the kernel's debug print door.
.globl _RtlpDebugService@12
_RtlpDebugService@12:
    push ebx
    mov eax, [esp + 8]
    mov ecx, [esp + 12]
    mov edx, [esp + 16]
    int 0x2d
    nop
    pop ebx
    ret 12
