# 64-bit arithmetic helpers that compilers call: operands on the stack, removed by the callee, result in EDX:EAX.
.intel_syntax noprefix
.text

.macro HELPER name, routine
.globl \name
.balign 16
\name:
    push dword ptr [esp + 16]
    push dword ptr [esp + 16]
    push dword ptr [esp + 16]
    push dword ptr [esp + 16]
    call \routine
    add esp, 16
    ret 16
.endm

HELPER __alldiv, ___divdi3
HELPER __allrem, ___moddi3
HELPER __aulldiv, ___udivdi3
HELPER __aullrem, ___umoddi3

.globl __allmul
.balign 16
__allmul:
    mov eax, [esp + 4]
    mul dword ptr [esp + 12]
    mov ecx, [esp + 8]
    imul ecx, [esp + 12]
    add edx, ecx
    mov ecx, [esp + 4]
    imul ecx, [esp + 16]
    add edx, ecx
    ret 16

# Shifts take EDX:EAX and the count in CL.
.globl __allshl
.balign 16
__allshl:
    cmp cl, 64
    jae 2f
    shld edx, eax, cl
    shl eax, cl
    test cl, 32
    jz 1f
    mov edx, eax
    xor eax, eax
1:  ret
2:  xor eax, eax
    xor edx, edx
    ret

.globl __aullshr
.balign 16
__aullshr:
    cmp cl, 64
    jae 2f
    shrd eax, edx, cl
    shr edx, cl
    test cl, 32
    jz 1f
    mov eax, edx
    xor edx, edx
1:  ret
2:  xor eax, eax
    xor edx, edx
    ret

.globl __allshr
.balign 16
__allshr:
    cmp cl, 64
    jae 2f
    shrd eax, edx, cl
    sar edx, cl
    test cl, 32
    jz 1f
    mov eax, edx
    sar edx, 31
1:  ret
2:  sar edx, 31
    mov eax, edx
    ret
