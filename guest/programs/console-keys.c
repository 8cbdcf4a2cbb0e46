/* Keys of the console as they are pressed: _kbhit, _getch, and input as events. Ends with q. */
#include <conio.h>
#include <stdio.h>
#include <string.h>
#include <windows.h>

static INPUT_RECORD key(char character, BOOL down) {
  INPUT_RECORD record = { .EventType = KEY_EVENT };
  record.Event.KeyEvent.bKeyDown = down;
  record.Event.KeyEvent.wRepeatCount = 1;
  record.Event.KeyEvent.uChar.AsciiChar = character;
  return record;
}

/* What a program puts there is read as if it had been typed. */
static void events(HANDLE input) {
  INPUT_RECORD sent[3] = { key('x', TRUE), key('x', FALSE), { .EventType = FOCUS_EVENT } }, got[4];
  DWORD count = 9;
  BOOL is_console = WriteConsoleInputA(input, sent, 3, &count);
  if (!is_console) {
    printf("no console: %lu\n", GetLastError());
    return;
  }
  printf("written %lu\n", count);
  GetNumberOfConsoleInputEvents(input, &count);
  printf("there %lu\n", count);
  PeekConsoleInputA(input, got, 2, &count);
  printf("peeked %lu, hit %d\n", count, _kbhit());
  ReadConsoleInputA(input, got, 4, &count);
  printf("read %lu %c %d %d\n", count, got[0].Event.KeyEvent.uChar.AsciiChar, got[1].Event.KeyEvent.bKeyDown, got[2].EventType);
  WriteConsoleInputA(input, sent, 3, &count);
  FlushConsoleInputBuffer(input);
  GetNumberOfConsoleInputEvents(input, &count);
  printf("left %lu, hit %d\n", count, _kbhit());
}

int main(void) {
  setvbuf(stdout, NULL, _IONBF, 0);
  events(GetStdHandle(STD_INPUT_HANDLE));
  puts("ready");
  for (int c; (c = _getch()) != 'q' && c != EOF;) {
    if (c == 0 || c == 0xE0) printf("%02x %02x.\n", c, _getch());
    else printf("%02x.\n", c);
  }
  _ungetch('!');
  printf("%c %d\n", _getch(), GetStdHandle(STD_INPUT_HANDLE) == NULL);
  return 0;
}
