# Block memory routines. The string instructions work on whole pages at a time inside the machine.
.intel_syntax noprefix
.text

.globl _memcpy, _memmove, _memset, _memcmp
.balign 16
_memcpy:
_memmove:
    push esi
    push edi
    mov edi, [esp + 12]
    mov esi, [esp + 16]
    mov ecx, [esp + 20]
    mov eax, edi
    mov edx, edi
    sub edx, esi
    cmp edx, ecx
    jb 1f
    mov edx, ecx
    shr ecx, 2
    rep movsd
    mov ecx, edx
    and ecx, 3
    rep movsb
    pop edi
    pop esi
    ret
    # The target starts inside the source: last byte first.
1:  test edx, edx
    jz 2f
    std
    lea esi, [esi + ecx - 1]
    lea edi, [edi + ecx - 1]
    mov edx, ecx
    and ecx, 3
    rep movsb
    sub esi, 3
    sub edi, 3
    mov ecx, edx
    shr ecx, 2
    rep movsd
    cld
2:  pop edi
    pop esi
    ret

.balign 16
_memset:
    push edi
    mov edi, [esp + 8]
    movzx eax, byte ptr [esp + 12]
    imul eax, eax, 0x01010101
    mov ecx, [esp + 16]
    mov edx, ecx
    shr ecx, 2
    rep stosd
    mov ecx, edx
    and ecx, 3
    rep stosb
    mov eax, [esp + 8]
    pop edi
    ret

.balign 16
_memcmp:
    push esi
    push edi
    mov esi, [esp + 12]
    mov edi, [esp + 16]
    mov ecx, [esp + 20]
    xor eax, eax
    cmp ecx, ecx
    repe cmpsb
    je 1f
    sbb eax, eax
    or eax, 1
1:  pop edi
    pop esi
    ret

# Stack probe: EAX = bytes to allocate. Touches every page on the way down, so that guard pages grow the stack in order.
.globl __chkstk, __alloca_probe, ___chkstk_ms, ___chkstk
.balign 16
__chkstk:
__alloca_probe:
___chkstk:
    push ecx
    lea ecx, [esp + 8]
1:  cmp eax, 0x1000
    jb 2f
    sub ecx, 0x1000
    or dword ptr [ecx], 0
    sub eax, 0x1000
    jmp 1b
2:  sub ecx, eax
    or dword ptr [ecx], 0
    mov eax, esp
    mov esp, ecx
    mov ecx, [eax]
    push dword ptr [eax + 4]
    ret

# The form that gcc calls: probes only, keeps every register.
___chkstk_ms:
    push ecx
    push eax
    cmp eax, 0x1000
    lea ecx, [esp + 12]
    jb 2f
1:  sub ecx, 0x1000
    or dword ptr [ecx], 0
    sub eax, 0x1000
    cmp eax, 0x1000
    ja 1b
2:  sub ecx, eax
    or dword ptr [ecx], 0
    pop eax
    pop ecx
    ret
