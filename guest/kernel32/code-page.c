// Conversion between code pages and UTF-16: single-byte pages by table, UTF-8 by rule.
#include "kernel32.h"
#include "code-pages.h"

#define ANSI_PAGE 1252u
#define OEM_PAGE 437u

/* CP_ACP, CP_OEMCP, CP_MACCP and CP_THREAD_ACP to the pages they stand for. */
static UINT resolve(UINT page) {
  switch (page) {
  case CP_ACP: case CP_THREAD_ACP: return ANSI_PAGE;
  case CP_OEMCP: return OEM_PAGE;
  case CP_MACCP: return 10000;
  }
  return page;
}

static const WCHAR *table_of(UINT page) {
  switch (page) {
  case 1252: return code_page_1252;
  case 437: return code_page_437;
  case 850: return code_page_850;
  }
  return NULL;
}
static BOOLEAN is_direct(UINT page) { return page == 28591 || page == 20127; }

BOOL WINAPI IsValidCodePage(UINT page) {
  return page == CP_UTF8 || is_direct(page) || table_of(page) != NULL;
}
UINT WINAPI GetACP(VOID) { return ANSI_PAGE; }
UINT WINAPI GetOEMCP(VOID) { return OEM_PAGE; }

BOOL WINAPI GetCPInfo(UINT page, LPCPINFO information) {
  page = resolve(page);
  if (!IsValidCodePage(page)) return refuse(ERROR_INVALID_PARAMETER);
  memset(information, 0, sizeof *information);
  information->MaxCharSize = page == CP_UTF8 ? 4 : 1;
  information->DefaultChar[0] = '?';
  return TRUE;
}
BOOL WINAPI GetCPInfoExW(UINT page, DWORD flags, LPCPINFOEXW information) {
  CPINFO basic;
  (void)flags;
  if (!GetCPInfo(page, &basic)) return FALSE;
  memset(information, 0, sizeof *information);
  memcpy(information, &basic, sizeof basic);
  information->UnicodeDefaultChar = L'?';
  information->CodePage = resolve(page);
  format_wide(information->CodePageName, MAX_PATH, L"%u", information->CodePage);
  return TRUE;
}
BOOL WINAPI IsDBCSLeadByteEx(UINT page, BYTE byte) {
  (void)byte;
  if (!IsValidCodePage(resolve(page))) set_last_error(ERROR_INVALID_PARAMETER);
  return FALSE;
}
BOOL WINAPI IsDBCSLeadByte(BYTE byte) { return IsDBCSLeadByteEx(CP_ACP, byte); }

typedef struct { WCHAR *wide; char *narrow; int room, count; } SINK;

static BOOLEAN put_wide(SINK *sink, WCHAR c) {
  if (sink->room != 0) {
    if (sink->count >= sink->room) return FALSE;
    sink->wide[sink->count] = c;
  }
  sink->count++;
  return TRUE;
}
static BOOLEAN put_byte(SINK *sink, ULONG byte) {
  if (sink->room != 0) {
    if (sink->count >= sink->room) return FALSE;
    sink->narrow[sink->count] = (char)byte;
  }
  sink->count++;
  return TRUE;
}

/* Reads one code point; 0xFFFFFFFF for a byte that belongs to no valid sequence (overlong, surrogate, cut off). */
static ULONG next_utf8(const UCHAR *text, int length, int *at) {
  UCHAR first = text[(*at)++];
  if (first < 0x80) return first;
  int more = first >= 0xC2 && first < 0xE0 ? 1 : first >= 0xE0 && first < 0xF0 ? 2 : first >= 0xF0 && first < 0xF5 ? 3 : 0;
  if (more == 0 || *at + more > length) return 0xFFFFFFFF;
  ULONG value = first & (0x3F >> more);
  for (int i = 0; i < more; i++) {
    UCHAR byte = text[*at + i];
    if ((byte & 0xC0) != 0x80) return 0xFFFFFFFF;
    value = value << 6 | (byte & 0x3F);
  }
  static const ULONG least[] = { 0, 0x80, 0x800, 0x10000 };
  if (value < least[more] || value > 0x10FFFF || (value >= 0xD800 && value < 0xE000)) return 0xFFFFFFFF;
  *at += more;
  return value;
}

static int finish(const SINK *sink, BOOLEAN fits) {
  if (fits) return sink->count;
  set_last_error(ERROR_INSUFFICIENT_BUFFER);
  return 0;
}

int WINAPI MultiByteToWideChar(UINT page, DWORD flags, LPCCH text, int length, LPWSTR buffer, int size) {
  SINK sink = { buffer, NULL, size, 0 };
  BOOLEAN fits = TRUE;
  page = resolve(page);
  if (text == NULL || length == 0 || size < 0 || (size != 0 && buffer == NULL) || !IsValidCodePage(page)) {
    return refuse(ERROR_INVALID_PARAMETER);
  }
  if (page == CP_UTF8 && (flags & ~(DWORD)MB_ERR_INVALID_CHARS) != 0) return refuse(ERROR_INVALID_FLAGS);
  if (length < 0) length = (int)strlen(text) + 1;
  const WCHAR *table = table_of(page);
  for (int i = 0; i < length && fits;) {
    if (page == CP_UTF8) {
      ULONG value = next_utf8((const UCHAR *)text, length, &i);
      if (value == 0xFFFFFFFF) {
        if (flags & MB_ERR_INVALID_CHARS) return refuse(ERROR_NO_UNICODE_TRANSLATION);
        value = 0xFFFD;
      }
      if (value < 0x10000) fits = put_wide(&sink, (WCHAR)value);
      else fits = put_wide(&sink, (WCHAR)(0xD7C0 + (value >> 10))) && put_wide(&sink, (WCHAR)(0xDC00 | (value & 0x3FF)));
      continue;
    }
    UCHAR byte = (UCHAR)text[i++];
    fits = put_wide(&sink, byte < 0x80 || table == NULL ? byte : table[byte - 0x80]);
  }
  return finish(&sink, fits);
}

/* Best fit for what a single-byte page has no place for: typographic characters to their plain cousins. */
static int best_fit(WCHAR c) {
  static const struct { WCHAR from; char to; } fits[] = {
    { 0x2018, '\'' }, { 0x2019, '\'' }, { 0x201A, ',' }, { 0x201C, '"' }, { 0x201D, '"' }, { 0x2013, '-' }, { 0x2014, '-' },
    { 0x2010, '-' }, { 0x2011, '-' }, { 0x2026, '.' }, { 0x2022, 7 }, { 0x20AC, '?' }, { 0x2212, '-' }, { 0x0100, 'A' },
    { 0x0101, 'a' }, { 0x0106, 'C' }, { 0x0107, 'c' }, { 0x010C, 'C' }, { 0x010D, 'c' }, { 0x0160, 'S' }, { 0x0161, 's' },
    { 0x017D, 'Z' }, { 0x017E, 'z' }, { 0x0141, 'L' }, { 0x0142, 'l' }, { 0x00A0, ' ' },
  };
  if (c >= 0xFF01 && c <= 0xFF5E) return c - 0xFEE0;
  for (ULONG i = 0; i < ARRAY_LENGTH(fits); i++) {
    if (fits[i].from == c) return fits[i].to;
  }
  return -1;
}

/* The byte, or -1 when the page has none. */
static int to_byte(UINT page, const WCHAR *table, WCHAR c, BOOLEAN exact) {
  if (c < 0x80) return c;
  if (page == 28591 && c < 0x100) return c;
  for (int i = 0; table != NULL && i < 128; i++) {
    if (table[i] == c) return 0x80 + i;
  }
  return exact ? -1 : best_fit(c);
}

static BOOLEAN put_utf8(SINK *sink, ULONG value) {
  if (value < 0x80) return put_byte(sink, value);
  if (value < 0x800) return put_byte(sink, 0xC0 | value >> 6) && put_byte(sink, 0x80 | (value & 0x3F));
  if (value < 0x10000) {
    return put_byte(sink, 0xE0 | value >> 12) && put_byte(sink, 0x80 | (value >> 6 & 0x3F)) && put_byte(sink, 0x80 | (value & 0x3F));
  }
  return put_byte(sink, 0xF0 | value >> 18) && put_byte(sink, 0x80 | (value >> 12 & 0x3F)) &&
         put_byte(sink, 0x80 | (value >> 6 & 0x3F)) && put_byte(sink, 0x80 | (value & 0x3F));
}

int WINAPI WideCharToMultiByte(UINT page, DWORD flags, LPCWCH text, int length, LPSTR buffer, int size, LPCCH substitute,
                               LPBOOL substituted) {
  SINK sink = { NULL, buffer, size, 0 };
  BOOLEAN fits = TRUE;
  page = resolve(page);
  if (text == NULL || length == 0 || size < 0 || (size != 0 && buffer == NULL) || !IsValidCodePage(page)) {
    return refuse(ERROR_INVALID_PARAMETER);
  }
  if (page == CP_UTF8 && (substitute != NULL || substituted != NULL)) return refuse(ERROR_INVALID_PARAMETER);
  if (substituted != NULL) *substituted = FALSE;
  if (length < 0) length = (int)wcslen(text) + 1;
  const WCHAR *table = table_of(page);
  for (int i = 0; i < length && fits; i++) {
    ULONG value = text[i];
    if (page == CP_UTF8) {
      BOOLEAN pair = value >= 0xD800 && value < 0xDC00 && i + 1 < length && text[i + 1] >= 0xDC00 && text[i + 1] < 0xE000;
      if (pair) value = 0x10000 + ((value - 0xD800) << 10) + (text[++i] - 0xDC00u);
      else if (value >= 0xD800 && value < 0xE000) {
        if (flags & WC_ERR_INVALID_CHARS) return refuse(ERROR_NO_UNICODE_TRANSLATION);
        value = 0xFFFD;
      }
      fits = put_utf8(&sink, value);
      continue;
    }
    int byte = to_byte(page, table, (WCHAR)value, (flags & WC_NO_BEST_FIT_CHARS) != 0);
    if (byte < 0) {
      byte = substitute != NULL ? (UCHAR)*substitute : '?';
      if (substituted != NULL) *substituted = TRUE;
    }
    fits = put_byte(&sink, (ULONG)byte);
  }
  return finish(&sink, fits);
}
