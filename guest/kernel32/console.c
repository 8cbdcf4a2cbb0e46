// The console, through device control requests on its handles.
#include "kernel32.h"

enum console_request {
  RequestGetMode = 0x500004, RequestSetMode = 0x500008, RequestGetScreenBufferInfo = 0x50000C, RequestReadText = 0x500010, RequestWriteText = 0x500014,
  RequestGetCodePages = 0x500018, RequestSetCodePage = 0x50001C, RequestSetAttribute = 0x500020, RequestSetCursor = 0x500024, RequestCountInput = 0x500028,
  RequestSetTitle = 0x50002C, RequestGetTitle = 0x500030, RequestFillOutput = 0x500034, RequestFlushInput = 0x500038, RequestSetControlRoutine = 0x50003C,
  RequestGenerateControlEvent = 0x500040, RequestReadInput = 0x500044, RequestPeekInput = 0x500048, RequestWriteInput = 0x50004C
};

/* Anything but a console refuses with OBJECT_TYPE_MISMATCH, which is ERROR_INVALID_HANDLE. */
static NTSTATUS request(HANDLE console, ULONG code, const void *in, ULONG inLength, void *out, ULONG outLength, ULONG *used) {
  IO_STATUS_BLOCK io = { { STATUS_PENDING }, 0 };
  console = standard_handle(console);
  NTSTATUS status = NtDeviceIoControlFile(console, NULL, NULL, NULL, &io, code, (PVOID)in, inLength, out, outLength);
  if (status == STATUS_PENDING) {
    status = NtWaitForSingleObject(console, FALSE, NULL);
    if (NT_SUCCESS(status)) status = io.Status;
  }
  if (status == STATUS_INVALID_DEVICE_REQUEST) status = STATUS_OBJECT_TYPE_MISMATCH;
  if (used != NULL) *used = NT_SUCCESS(status) ? (ULONG)io.Information : 0;
  return status;
}

BOOL WINAPI GetConsoleMode(HANDLE console, LPDWORD mode) {
  return ok(request(console, RequestGetMode, NULL, 0, mode, sizeof *mode, NULL));
}
BOOL WINAPI SetConsoleMode(HANDLE console, DWORD mode) {
  return ok(request(console, RequestSetMode, &mode, sizeof mode, NULL, 0, NULL));
}
BOOL WINAPI GetConsoleScreenBufferInfo(HANDLE console, PCONSOLE_SCREEN_BUFFER_INFO information) {
  return ok(request(console, RequestGetScreenBufferInfo, NULL, 0, information, sizeof *information, NULL));
}
BOOL WINAPI SetConsoleTextAttribute(HANDLE console, WORD attributes) {
  return ok(request(console, RequestSetAttribute, &attributes, sizeof attributes, NULL, 0, NULL));
}
BOOL WINAPI SetConsoleCursorPosition(HANDLE console, COORD position) {
  return ok(request(console, RequestSetCursor, &position, sizeof position, NULL, 0, NULL));
}
BOOL WINAPI GetNumberOfConsoleInputEvents(HANDLE console, LPDWORD count) {
  return ok(request(console, RequestCountInput, NULL, 0, count, sizeof *count, NULL));
}
BOOL WINAPI FlushConsoleInputBuffer(HANDLE console) { return ok(request(console, RequestFlushInput, NULL, 0, NULL, 0, NULL)); }

COORD WINAPI GetLargestConsoleWindowSize(HANDLE console) {
  CONSOLE_SCREEN_BUFFER_INFO information;
  if (!GetConsoleScreenBufferInfo(console, &information)) return (COORD){ 0, 0 };
  return information.dwMaximumWindowSize;
}

/* The cursor is the terminal's own: always visible, its size unknown to us, so that only that state can be asked for. */
BOOL WINAPI GetConsoleCursorInfo(HANDLE console, PCONSOLE_CURSOR_INFO information) {
  CONSOLE_SCREEN_BUFFER_INFO screen;
  if (!GetConsoleScreenBufferInfo(console, &screen)) return FALSE;
  information->dwSize = 25;
  information->bVisible = TRUE;
  return TRUE;
}
BOOL WINAPI SetConsoleCursorInfo(HANDLE console, const CONSOLE_CURSOR_INFO *information) {
  CONSOLE_SCREEN_BUFFER_INFO screen;
  DWORD used;
  if (!GetConsoleScreenBufferInfo(console, &screen)) return FALSE;
  PCWSTR sequence = information->bVisible ? L"\x1b[?25h" : L"\x1b[?25l";
  return WriteConsoleW(console, sequence, 6, &used, NULL);
}

// --- text
BOOL WINAPI WriteConsoleW(HANDLE console, const VOID *text, DWORD length, LPDWORD written, LPVOID reserved) {
  (void)reserved;
  ULONG used = 0;
  NTSTATUS status = request(console, RequestWriteText, text, length * sizeof(WCHAR), NULL, 0, &used);
  if (written != NULL) *written = NT_SUCCESS(status) ? length : 0;
  return ok(status);
}

BOOL WINAPI WriteConsoleA(HANDLE console, const VOID *text, DWORD length, LPDWORD written, LPVOID reserved) {
  UINT codePage = GetConsoleOutputCP();
  PWSTR wide = allocate((length + 1) * sizeof(WCHAR));
  if (wide == NULL) return FALSE;
  int count = length == 0 ? 0 : MultiByteToWideChar(codePage, 0, text, (int)length, wide, (int)length + 1);
  BOOL done = WriteConsoleW(console, wide, (DWORD)count, NULL, reserved);
  if (written != NULL) *written = done ? length : 0;
  release(wide);
  return done;
}

BOOL WINAPI ReadConsoleW(HANDLE console, LPVOID text, DWORD length, LPDWORD read, LPVOID control) {
  (void)control;
  ULONG used = 0;
  NTSTATUS status = request(console, RequestReadText, NULL, 0, text, length * sizeof(WCHAR), &used);
  if (status == STATUS_END_OF_FILE) status = STATUS_SUCCESS;
  *read = used / sizeof(WCHAR);
  return ok(status);
}

BOOL WINAPI ReadConsoleA(HANDLE console, LPVOID text, DWORD length, LPDWORD read, LPVOID control) {
  PWSTR wide = allocate((length + 1) * sizeof(WCHAR));
  DWORD count = 0;
  if (wide == NULL) return FALSE;
  BOOL done = ReadConsoleW(console, wide, length, &count, control);
  *read = 0;
  if (done && count != 0) *read = (DWORD)WideCharToMultiByte(GetConsoleCP(), 0, wide, (int)count, text, (int)length, NULL, NULL);
  release(wide);
  return done;
}

// --- input as events
static BOOL read_events(HANDLE console, ULONG code, PINPUT_RECORD records, DWORD length, LPDWORD read) {
  ULONG used = 0;
  NTSTATUS status = request(console, code, NULL, 0, records, length * sizeof *records, &used);
  *read = used / sizeof *records;
  return ok(status);
}
BOOL WINAPI ReadConsoleInputW(HANDLE console, PINPUT_RECORD records, DWORD length, LPDWORD read) {
  return read_events(console, RequestReadInput, records, length, read);
}
BOOL WINAPI PeekConsoleInputW(HANDLE console, PINPUT_RECORD records, DWORD length, LPDWORD read) {
  return read_events(console, RequestPeekInput, records, length, read);
}
BOOL WINAPI WriteConsoleInputW(HANDLE console, const INPUT_RECORD *records, DWORD length, LPDWORD written) {
  ULONG used = 0;
  NTSTATUS status = request(console, RequestWriteInput, records, length * sizeof *records, NULL, 0, &used);
  *written = used / sizeof *records;
  return ok(status);
}

/* The characters of keys in the input code page; one that it does not have is '?'. */
static void narrow_events(PINPUT_RECORD records, DWORD count) {
  UINT page = GetConsoleCP();
  for (DWORD i = 0; i < count; i++) {
    if (records[i].EventType != KEY_EVENT) continue;
    KEY_EVENT_RECORD *key = &records[i].Event.KeyEvent;
    char bytes[4] = { 0 };
    WCHAR c = key->uChar.UnicodeChar;
    int length = c == 0 ? 1 : WideCharToMultiByte(page, 0, &c, 1, bytes, sizeof bytes, NULL, NULL);
    key->uChar.UnicodeChar = 0;
    key->uChar.AsciiChar = length == 1 ? bytes[0] : '?';
  }
}
BOOL WINAPI ReadConsoleInputA(HANDLE console, PINPUT_RECORD records, DWORD length, LPDWORD read) {
  BOOL done = ReadConsoleInputW(console, records, length, read);
  if (done) narrow_events(records, *read);
  return done;
}
BOOL WINAPI PeekConsoleInputA(HANDLE console, PINPUT_RECORD records, DWORD length, LPDWORD read) {
  BOOL done = PeekConsoleInputW(console, records, length, read);
  if (done) narrow_events(records, *read);
  return done;
}
BOOL WINAPI WriteConsoleInputA(HANDLE console, const INPUT_RECORD *records, DWORD length, LPDWORD written) {
  UINT page = GetConsoleCP();
  *written = 0;
  for (DWORD done = 0, one; done < length; done++) {
    INPUT_RECORD record = records[done];
    KEY_EVENT_RECORD *key = &record.Event.KeyEvent;
    char byte = key->uChar.AsciiChar;
    if (record.EventType == KEY_EVENT) {
      key->uChar.UnicodeChar = 0;
      if (byte != 0) MultiByteToWideChar(page, 0, &byte, 1, &key->uChar.UnicodeChar, 1);
    }
    if (!WriteConsoleInputW(console, &record, 1, &one)) return FALSE;
    ++*written;
  }
  return TRUE;
}

static HANDLE open_console(PCWSTR name) {
  return CreateFileW(name, GENERIC_READ | GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE, NULL, OPEN_EXISTING, 0, NULL);
}

static BOOL code_pages(ULONG pages[2]) {
  HANDLE console = open_console(L"CONIN$");
  if (console == INVALID_HANDLE_VALUE) return FALSE;
  NTSTATUS status = request(console, RequestGetCodePages, NULL, 0, pages, 2 * sizeof *pages, NULL);
  NtClose(console);
  return NT_SUCCESS(status);
}
UINT WINAPI GetConsoleCP(VOID) {
  ULONG pages[2];
  return code_pages(pages) ? pages[0] : GetOEMCP();
}
UINT WINAPI GetConsoleOutputCP(VOID) {
  ULONG pages[2];
  return code_pages(pages) ? pages[1] : GetOEMCP();
}
static BOOL set_code_page(UINT page, BOOLEAN output) {
  if (!IsValidCodePage(page)) return refuse(ERROR_INVALID_PARAMETER);
  ULONG pages[2];
  HANDLE console = open_console(L"CONIN$");
  if (console == INVALID_HANDLE_VALUE) return FALSE;
  NTSTATUS status = request(console, RequestGetCodePages, NULL, 0, pages, sizeof pages, NULL);
  pages[output ? 1 : 0] = page;
  if (NT_SUCCESS(status)) status = request(console, RequestSetCodePage, pages, sizeof pages, NULL, 0, NULL);
  NtClose(console);
  return ok(status);
}
BOOL WINAPI SetConsoleCP(UINT page) { return set_code_page(page, FALSE); }
BOOL WINAPI SetConsoleOutputCP(UINT page) { return set_code_page(page, TRUE); }

BOOL WINAPI SetConsoleTitleW(LPCWSTR title) {
  HANDLE console = open_console(L"CONOUT$");
  if (console == INVALID_HANDLE_VALUE) return FALSE;
  NTSTATUS status = request(console, RequestSetTitle, title, (ULONG)wcslen(title) * sizeof(WCHAR), NULL, 0, NULL);
  NtClose(console);
  return ok(status);
}
BOOL WINAPI SetConsoleTitleA(LPCSTR title) {
  PWSTR wide = wide_copy(title);
  BOOL done = wide != NULL && SetConsoleTitleW(wide);
  release(wide);
  return done;
}
DWORD WINAPI GetConsoleTitleW(LPWSTR buffer, DWORD size) {
  if (size == 0) return 0;
  HANDLE console = open_console(L"CONOUT$");
  if (console == INVALID_HANDLE_VALUE) return 0;
  ULONG used = 0;
  NTSTATUS status = request(console, RequestGetTitle, NULL, 0, buffer, (size - 1) * sizeof(WCHAR), &used);
  NtClose(console);
  if (!ok(status)) return 0;
  buffer[used / sizeof(WCHAR)] = 0;
  return used / sizeof(WCHAR);
}
DWORD WINAPI GetConsoleTitleA(LPSTR buffer, DWORD size) {
  WCHAR text[512];
  DWORD length = GetConsoleTitleW(text, ARRAY_LENGTH(text));
  return length == 0 || length + 1 > size ? 0 : narrow_result(text, length, buffer, size);
}

// --- filling
typedef struct { WORD isAttribute, value; ULONG count; COORD position; } FILL;

static BOOL fill(HANDLE console, WORD value, DWORD count, COORD position, LPDWORD done, BOOLEAN isAttribute) {
  FILL data = { isAttribute, value, count, position };
  NTSTATUS status = request(console, RequestFillOutput, &data, sizeof data, NULL, 0, NULL);
  if (done != NULL) *done = NT_SUCCESS(status) ? count : 0;
  return ok(status);
}
BOOL WINAPI FillConsoleOutputCharacterW(HANDLE console, WCHAR c, DWORD count, COORD position, LPDWORD done) {
  return fill(console, c, count, position, done, FALSE);
}
BOOL WINAPI FillConsoleOutputCharacterA(HANDLE console, CHAR c, DWORD count, COORD position, LPDWORD done) {
  return fill(console, (UCHAR)c, count, position, done, FALSE);
}
BOOL WINAPI FillConsoleOutputAttribute(HANDLE console, WORD attribute, DWORD count, COORD position, LPDWORD done) {
  return fill(console, attribute, count, position, done, TRUE);
}

// --- control handlers: the last one added is asked first
#define MAXIMUM_HANDLERS 32u
static PHANDLER_ROUTINE handlers[MAXIMUM_HANDLERS];
static ULONG handler_count;
static BOOLEAN ignore_control_c;

static DWORD WINAPI deliver(LPVOID event) {
  if ((DWORD)event == CTRL_C_EVENT && ignore_control_c) return 0;
  for (ULONG i = handler_count; i-- > 0;) {
    if (handlers[i]((DWORD)event)) return 0;
  }
  ExitProcess((UINT)STATUS_CONTROL_C_EXIT);
}

/* A request to the console whose handles nobody gave this process. */
static NTSTATUS request_of_console(ULONG code, const void *in, ULONG length) {
  UNICODE_STRING name = UNICODE_LITERAL(L"\\Device\\Console\\Output");
  OBJECT_ATTRIBUTES attributes = OBJECT_ATTRIBUTES_OF(&name, OBJ_CASE_INSENSITIVE);
  IO_STATUS_BLOCK io;
  HANDLE console;
  NTSTATUS status = NtOpenFile(&console, GENERIC_WRITE | SYNCHRONIZE, &attributes, &io, FILE_SHARE_READ | FILE_SHARE_WRITE,
                               FILE_SYNCHRONOUS_IO_NONALERT);
  if (!NT_SUCCESS(status)) return status;
  status = request(console, code, in, length, NULL, 0, NULL);
  NtClose(console);
  return status;
}

ULONG console_flags_for_child(DWORD flags) {
  ULONG ignores = ignore_control_c ? CONSOLE_IGNORES_CONTROL_C : 0;
  return flags & CREATE_NEW_PROCESS_GROUP ? CONSOLE_IGNORES_CONTROL_C | CONSOLE_BEGINS_GROUP : ignores;
}

/* Tells the kernel where the threads begin that it makes for Ctrl-C, and whether somebody here wants to know of it; without a
 * console nobody types it, but other processes may send it. */
void register_control_routine(BOOLEAN starts) {
  ULONG flags = parameters()->ConsoleFlags;
  PVOID where[] = { BaseThreadStartThunk, deliver, (PVOID)handler_count, (PVOID)(flags & CONSOLE_BEGINS_GROUP) };
  if (starts) ignore_control_c = (flags & CONSOLE_IGNORES_CONTROL_C) != 0;
  const DWORD handles[] = { STD_INPUT_HANDLE, STD_OUTPUT_HANDLE, STD_ERROR_HANDLE };
  for (ULONG i = 0; i < ARRAY_LENGTH(handles); i++) {
    if (NT_SUCCESS(request((HANDLE)handles[i], RequestSetControlRoutine, where, sizeof where, NULL, 0, NULL))) return;
  }
  if (!starts || flags != 0) request_of_console(RequestSetControlRoutine, where, sizeof where);
}

BOOL WINAPI SetConsoleCtrlHandler(PHANDLER_ROUTINE routine, BOOL add) {
  if (routine == NULL) {
    ignore_control_c = add != FALSE;
    register_control_routine(FALSE);
    return TRUE;
  }
  BOOL done = FALSE;
  RtlAcquirePebLock();
  if (add) {
    done = handler_count < MAXIMUM_HANDLERS;
    if (done) handlers[handler_count++] = routine;
    else set_last_error(ERROR_NOT_ENOUGH_MEMORY);
  } else {
    for (ULONG i = handler_count; i-- > 0 && !done;) {
      if (handlers[i] != routine) continue;
      for (handler_count--; i < handler_count; i++) handlers[i] = handlers[i + 1];
      done = TRUE;
    }
    if (!done) set_last_error(ERROR_INVALID_PARAMETER);
  }
  RtlReleasePebLock();
  if (done) register_control_routine(FALSE);
  return done;
}

/* Handlers run in a thread of their own, in every process of the group. */
BOOL WINAPI GenerateConsoleCtrlEvent(DWORD event, DWORD group) {
  ULONG what[] = { event, group };
  return ok(request_of_console(RequestGenerateControlEvent, what, sizeof what));
}

/* No window belongs to the console, and it stays attached for the life of the process. */
HWND WINAPI GetConsoleWindow(VOID) { return NULL; }
BOOL WINAPI AllocConsole(VOID) { return refuse(ERROR_ACCESS_DENIED); }
BOOL WINAPI AttachConsole(DWORD process) {
  (void)process;
  return refuse(ERROR_ACCESS_DENIED);
}
DWORD WINAPI GetConsoleProcessList(LPDWORD list, DWORD count) {
  if (list == NULL || count == 0) return refuse(ERROR_INVALID_PARAMETER);
  *list = GetCurrentProcessId();
  return 1;
}
