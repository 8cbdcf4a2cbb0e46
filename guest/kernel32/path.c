// Path names, directories, drives and volumes.
#include "kernel32.h"

DWORD WINAPI GetFullPathNameW(LPCWSTR name, DWORD size, LPWSTR buffer, LPWSTR *filePart) {
  if (name == NULL || name[0] == 0) return refuse(ERROR_INVALID_NAME);
  ULONG bytes = RtlGetFullPathName_U(name, size * sizeof(WCHAR), buffer, filePart);
  if (bytes == 0) set_last_error(ERROR_FILENAME_EXCED_RANGE);
  return bytes / sizeof(WCHAR);
}

DWORD WINAPI GetFullPathNameA(LPCSTR name, DWORD size, LPSTR buffer, LPSTR *filePart) {
  PWSTR wide = wide_path(name), full, part = NULL;
  DWORD result = 0;
  if (wide == NULL) return refuse(ERROR_INVALID_NAME);
  DWORD needed = GetFullPathNameW(wide, 0, NULL, NULL);
  if (needed != 0 && (full = allocate(needed * sizeof(WCHAR))) != NULL) {
    DWORD length = GetFullPathNameW(wide, needed, full, &part);
    result = narrow_result(full, length, buffer, size);
    if (filePart != NULL) *filePart = part != NULL && result <= length ? buffer + (part - full) : NULL;
    release(full);
  }
  release(wide);
  return result;
}

DWORD WINAPI GetCurrentDirectoryW(DWORD size, LPWSTR buffer) {
  return RtlGetCurrentDirectory_U(size * sizeof(WCHAR), buffer) / sizeof(WCHAR);
}
DWORD WINAPI GetCurrentDirectoryA(DWORD size, LPSTR buffer) {
  WCHAR text[1024];
  DWORD length = GetCurrentDirectoryW(ARRAY_LENGTH(text), text);
  return narrow_result(text, length, buffer, size);
}
BOOL WINAPI SetCurrentDirectoryW(LPCWSTR name) {
  UNICODE_STRING string;
  if (name == NULL) return refuse(ERROR_INVALID_NAME);
  RtlInitUnicodeString(&string, name);
  return ok(RtlSetCurrentDirectory_U(&string));
}
BOOL WINAPI SetCurrentDirectoryA(LPCSTR name) {
  PWSTR wide = wide_path(name);
  BOOL done = SetCurrentDirectoryW(wide);
  release(wide);
  return done;
}

DWORD WINAPI SearchPathW(LPCWSTR path, LPCWSTR name, LPCWSTR extension, DWORD size, LPWSTR buffer, LPWSTR *filePart) {
  if (name == NULL || name[0] == 0) return refuse(ERROR_INVALID_PARAMETER);
  if (path == NULL) path = parameters()->DllPath.Buffer;
  ULONG bytes = RtlDosSearchPath_U(path, name, extension, size * sizeof(WCHAR), buffer, filePart);
  if (bytes == 0) set_last_error(ERROR_FILE_NOT_FOUND);
  return bytes / sizeof(WCHAR);
}
DWORD WINAPI SearchPathA(LPCSTR path, LPCSTR name, LPCSTR extension, DWORD size, LPSTR buffer, LPSTR *filePart) {
  PWSTR widePath = wide_path(path), wideName = wide_path(name), wideExtension = wide_path(extension), part = NULL;
  WCHAR text[1024];
  DWORD length = SearchPathW(widePath, wideName, wideExtension, ARRAY_LENGTH(text), text, &part);
  DWORD result = length == 0 || length >= ARRAY_LENGTH(text) ? length : narrow_result(text, length, buffer, size);
  if (filePart != NULL) *filePart = part != NULL && result != 0 && result < size ? buffer + (part - text) : NULL;
  release(widePath), release(wideName), release(wideExtension);
  return result;
}

/* There are no 8.3 names beside the long ones: the short form of an existing path is the path. */
DWORD WINAPI GetShortPathNameW(LPCWSTR name, LPWSTR buffer, DWORD size) {
  if (GetFileAttributesW(name) == INVALID_FILE_ATTRIBUTES) return 0;
  DWORD length = (DWORD)wcslen(name);
  if (length + 1 > size) return length + 1;
  memmove(buffer, name, (length + 1) * sizeof(WCHAR));
  return length;
}
DWORD WINAPI GetShortPathNameA(LPCSTR name, LPSTR buffer, DWORD size) {
  if (GetFileAttributesA(name) == INVALID_FILE_ATTRIBUTES) return 0;
  DWORD length = (DWORD)strlen(name);
  if (length + 1 > size) return length + 1;
  memmove(buffer, name, length + 1);
  return length;
}
DWORD WINAPI GetLongPathNameW(LPCWSTR name, LPWSTR buffer, DWORD size) { return GetShortPathNameW(name, buffer, size); }
DWORD WINAPI GetLongPathNameA(LPCSTR name, LPSTR buffer, DWORD size) { return GetShortPathNameA(name, buffer, size); }

static DWORD give_wide(PCWSTR text, PWSTR buffer, DWORD size) {
  DWORD length = (DWORD)wcslen(text);
  if (length + 1 > size) return length + 1;
  copy_wide(buffer, text);
  return length;
}

static void system_folder(PWSTR text, PCWSTR tail) { format_wide(text, 280, L"%s%s", SHARED_USER_DATA->NtSystemRoot, tail); }

UINT WINAPI GetSystemDirectoryW(LPWSTR buffer, UINT size) {
  WCHAR text[280];
  system_folder(text, L"\\system32");
  return give_wide(text, buffer, size);
}
UINT WINAPI GetSystemDirectoryA(LPSTR buffer, UINT size) {
  WCHAR text[280];
  system_folder(text, L"\\system32");
  return narrow_result(text, (DWORD)wcslen(text), buffer, size);
}
UINT WINAPI GetWindowsDirectoryW(LPWSTR buffer, UINT size) { return give_wide(SHARED_USER_DATA->NtSystemRoot, buffer, size); }
UINT WINAPI GetWindowsDirectoryA(LPSTR buffer, UINT size) {
  PCWSTR text = SHARED_USER_DATA->NtSystemRoot;
  return narrow_result(text, (DWORD)wcslen(text), buffer, size);
}
UINT WINAPI GetSystemWindowsDirectoryW(LPWSTR buffer, UINT size) { return GetWindowsDirectoryW(buffer, size); }
UINT WINAPI GetSystemWindowsDirectoryA(LPSTR buffer, UINT size) { return GetWindowsDirectoryA(buffer, size); }

/* TMP, TEMP, USERPROFILE, the Windows folder: the first that is set; always with a trailing backslash. */
DWORD WINAPI GetTempPathW(DWORD size, LPWSTR buffer) {
  static const WCHAR *const names[] = { L"TMP", L"TEMP", L"USERPROFILE" };
  WCHAR text[600], full[620];
  ULONG length = 0;
  for (ULONG i = 0; i < ARRAY_LENGTH(names) && length == 0; i++) {
    length = GetEnvironmentVariableW(names[i], text, ARRAY_LENGTH(text));
    if (length >= ARRAY_LENGTH(text)) length = 0;
  }
  if (length == 0) copy_wide(text, SHARED_USER_DATA->NtSystemRoot);
  length = GetFullPathNameW(text, ARRAY_LENGTH(full) - 1, full, NULL);
  if (length == 0 || length >= ARRAY_LENGTH(full) - 1) return 0;
  if (full[length - 1] != L'\\') copy_wide(full + length, L"\\");
  return give_wide(full, buffer, size);
}
DWORD WINAPI GetTempPathA(DWORD size, LPSTR buffer) {
  WCHAR text[620];
  DWORD length = GetTempPathW(ARRAY_LENGTH(text), text);
  return length == 0 ? 0 : narrow_result(text, length, buffer, size);
}

/* unique 0: tries numbers from the tick count until one is free, and creates the file. */
UINT WINAPI GetTempFileNameW(LPCWSTR folder, LPCWSTR prefix, UINT unique, LPWSTR buffer) {
  WCHAR start[4] = { 0 }, base[MAX_PATH];
  for (ULONG i = 0; i < 3 && prefix != NULL && prefix[i] != 0; i++) start[i] = prefix[i];
  DWORD attributes = GetFileAttributesW(folder);
  if (attributes == INVALID_FILE_ATTRIBUTES || !(attributes & FILE_ATTRIBUTE_DIRECTORY)) return refuse(ERROR_DIRECTORY);
  DWORD length = (DWORD)wcslen(folder);
  if (length > MAX_PATH - 14) return refuse(ERROR_BUFFER_OVERFLOW);
  copy_wide(base, folder);
  if (length > 0 && base[length - 1] != L'\\' && base[length - 1] != L'/') copy_wide(base + length, L"\\");
  UINT number = unique != 0 ? unique & 0xFFFF : (GetTickCount() / 16) & 0xFFFF;
  for (ULONG tries = 0; tries < 0x10000; tries++, number = (number + 1) & 0xFFFF) {
    if (number == 0) continue;
    format_wide(buffer, MAX_PATH, L"%s%s%x.tmp", base, start, number);
    if (unique != 0) return number;
    HANDLE file = CreateFileW(buffer, GENERIC_WRITE, 0, NULL, CREATE_NEW, FILE_ATTRIBUTE_NORMAL, NULL);
    if (file != INVALID_HANDLE_VALUE) {
      CloseHandle(file);
      return number;
    }
    if (last_error() != ERROR_FILE_EXISTS && last_error() != ERROR_SHARING_VIOLATION) return 0;
  }
  return refuse(ERROR_FILE_EXISTS);
}
UINT WINAPI GetTempFileNameA(LPCSTR folder, LPCSTR prefix, UINT unique, LPSTR buffer) {
  PWSTR wideFolder = wide_path(folder), widePrefix = wide_path(prefix);
  WCHAR text[MAX_PATH];
  UINT number = wideFolder == NULL ? 0 : GetTempFileNameW(wideFolder, widePrefix, unique, text);
  if (number != 0) narrow_result(text, (DWORD)wcslen(text), buffer, MAX_PATH);
  release(wideFolder), release(widePrefix);
  return number;
}

// --- drives and volumes
DWORD WINAPI GetLogicalDrives(VOID) {
  struct { ULONG map; UCHAR types[32]; } devices = { 0, { 0 } };
  // Information class 23: the letters that have a device behind them.
  if (NT_SUCCESS(NtQueryInformationProcess(CURRENT_PROCESS, 23, &devices, sizeof devices, NULL))) return devices.map;
  DWORD map = 0;
  for (WCHAR letter = L'A'; letter <= L'Z'; letter++) {
    WCHAR root[] = { letter, L':', L'\\', 0 };
    if (RtlDoesFileExists_U(root)) map |= 1u << (letter - L'A');
  }
  return map;
}

DWORD WINAPI GetLogicalDriveStringsW(DWORD size, LPWSTR buffer) {
  DWORD map = GetLogicalDrives(), needed = (DWORD)__builtin_popcount(map) * 4 + 1;
  if (needed > size) return needed;
  for (WCHAR letter = L'A'; letter <= L'Z'; letter++) {
    if (!(map & (1u << (letter - L'A')))) continue;
    *buffer++ = letter, *buffer++ = L':', *buffer++ = L'\\', *buffer++ = 0;
  }
  *buffer = 0;
  return needed - 1;
}
DWORD WINAPI GetLogicalDriveStringsA(DWORD size, LPSTR buffer) {
  WCHAR text[26 * 4 + 1];
  DWORD length = GetLogicalDriveStringsW(ARRAY_LENGTH(text), text);
  if (length + 1 > size) return length + 1;
  for (DWORD i = 0; i <= length; i++) buffer[i] = (char)text[i];
  return length;
}

/* NULL is the root of the current directory's drive. */
static HANDLE open_root(PCWSTR root) {
  WCHAR own[4] = { 0 };
  if (root == NULL) {
    PCWSTR current = parameters()->CurrentDirectory.DosPath.Buffer;
    own[0] = current[0], own[1] = L':', own[2] = L'\\';
    root = own;
  }
  return open_path(root, FILE_READ_ATTRIBUTES, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, FILE_DIRECTORY_FILE);
}

UINT WINAPI GetDriveTypeW(LPCWSTR root) {
  FILE_FS_DEVICE_INFORMATION device;
  IO_STATUS_BLOCK io;
  DWORD error = last_error();
  HANDLE handle = open_root(root);
  set_last_error(error);
  if (handle == INVALID_HANDLE_VALUE) return DRIVE_NO_ROOT_DIR;
  NTSTATUS status = NtQueryVolumeInformationFile(handle, &io, &device, sizeof device, FileFsDeviceClass);
  NtClose(handle);
  if (!NT_SUCCESS(status)) return DRIVE_UNKNOWN;
  if (device.Characteristics & FILE_REMOTE_DEVICE) return DRIVE_REMOTE;
  switch (device.DeviceType) {
  case FILE_DEVICE_CD_ROM: case FILE_DEVICE_CD_ROM_FILE_SYSTEM: return DRIVE_CDROM;
  case FILE_DEVICE_DISK: case FILE_DEVICE_DISK_FILE_SYSTEM:
    return device.Characteristics & FILE_REMOVABLE_MEDIA ? DRIVE_REMOVABLE : DRIVE_FIXED;
  }
  return DRIVE_UNKNOWN;
}
UINT WINAPI GetDriveTypeA(LPCSTR root) {
  PWSTR wide = wide_path(root);
  UINT type = GetDriveTypeW(wide);
  release(wide);
  return type;
}

BOOL WINAPI GetDiskFreeSpaceW(LPCWSTR root, LPDWORD sectors, LPDWORD bytes, LPDWORD freeClusters, LPDWORD clusters) {
  FILE_FS_SIZE_INFORMATION size;
  IO_STATUS_BLOCK io;
  HANDLE handle = open_root(root);
  if (handle == INVALID_HANDLE_VALUE) return FALSE;
  BOOL done = ok(NtQueryVolumeInformationFile(handle, &io, &size, sizeof size, FileFsSizeClass));
  NtClose(handle);
  if (!done) return FALSE;
  if (sectors != NULL) *sectors = size.SectorsPerAllocationUnit;
  if (bytes != NULL) *bytes = size.BytesPerSector;
  if (freeClusters != NULL) *freeClusters = size.AvailableAllocationUnits.HighPart ? 0xFFFFFFFF : size.AvailableAllocationUnits.LowPart;
  if (clusters != NULL) *clusters = size.TotalAllocationUnits.HighPart ? 0xFFFFFFFF : size.TotalAllocationUnits.LowPart;
  return TRUE;
}
BOOL WINAPI GetDiskFreeSpaceA(LPCSTR root, LPDWORD sectors, LPDWORD bytes, LPDWORD freeClusters, LPDWORD clusters) {
  PWSTR wide = wide_path(root);
  BOOL done = GetDiskFreeSpaceW(wide, sectors, bytes, freeClusters, clusters);
  release(wide);
  return done;
}
BOOL WINAPI GetDiskFreeSpaceExW(LPCWSTR root, PULARGE_INTEGER mine, PULARGE_INTEGER total, PULARGE_INTEGER available) {
  FILE_FS_SIZE_INFORMATION size;
  IO_STATUS_BLOCK io;
  HANDLE handle = open_root(root);
  if (handle == INVALID_HANDLE_VALUE) return FALSE;
  BOOL done = ok(NtQueryVolumeInformationFile(handle, &io, &size, sizeof size, FileFsSizeClass));
  NtClose(handle);
  if (!done) return FALSE;
  ULONGLONG unit = (ULONGLONG)size.SectorsPerAllocationUnit * size.BytesPerSector;
  ULONGLONG freeBytes = (ULONGLONG)size.AvailableAllocationUnits.QuadPart * unit;
  if (mine != NULL) mine->QuadPart = freeBytes;
  if (total != NULL) total->QuadPart = (ULONGLONG)size.TotalAllocationUnits.QuadPart * unit;
  if (available != NULL) available->QuadPart = freeBytes;
  return TRUE;
}
BOOL WINAPI GetDiskFreeSpaceExA(LPCSTR root, PULARGE_INTEGER mine, PULARGE_INTEGER total, PULARGE_INTEGER available) {
  PWSTR wide = wide_path(root);
  BOOL done = GetDiskFreeSpaceExW(wide, mine, total, available);
  release(wide);
  return done;
}

BOOL WINAPI GetVolumeInformationW(LPCWSTR root, LPWSTR label, DWORD labelSize, LPDWORD serial, LPDWORD component,
                                  LPDWORD flags, LPWSTR system, DWORD systemSize) {
  union { FILE_FS_VOLUME_INFORMATION volume; FILE_FS_ATTRIBUTE_INFORMATION attribute; char space[600]; } data;
  IO_STATUS_BLOCK io;
  HANDLE handle = open_root(root);
  if (handle == INVALID_HANDLE_VALUE) return FALSE;
  BOOL done = ok(NtQueryVolumeInformationFile(handle, &io, &data, sizeof data, FileFsVolumeClass));
  if (done && serial != NULL) *serial = data.volume.VolumeSerialNumber;
  if (done && label != NULL) {
    DWORD length = data.volume.VolumeLabelLength / sizeof(WCHAR);
    if (length + 1 > labelSize) done = refuse(ERROR_BAD_LENGTH);
    else memcpy(label, data.volume.VolumeLabel, length * sizeof(WCHAR)), label[length] = 0;
  }
  if (done) done = ok(NtQueryVolumeInformationFile(handle, &io, &data, sizeof data, FileFsAttributeClass));
  NtClose(handle);
  if (!done) return FALSE;
  if (component != NULL) *component = (DWORD)data.attribute.MaximumComponentNameLength;
  if (flags != NULL) *flags = data.attribute.FileSystemAttributes;
  if (system == NULL) return TRUE;
  DWORD length = data.attribute.FileSystemNameLength / sizeof(WCHAR);
  if (length + 1 > systemSize) return refuse(ERROR_BAD_LENGTH);
  memcpy(system, data.attribute.FileSystemName, length * sizeof(WCHAR));
  system[length] = 0;
  return TRUE;
}
BOOL WINAPI GetVolumeInformationA(LPCSTR root, LPSTR label, DWORD labelSize, LPDWORD serial, LPDWORD component, LPDWORD flags,
                                  LPSTR system, DWORD systemSize) {
  WCHAR wideLabel[280], wideSystem[280];
  PWSTR wide = wide_path(root);
  BOOL done = GetVolumeInformationW(wide, wideLabel, ARRAY_LENGTH(wideLabel), serial, component, flags, wideSystem,
                                    ARRAY_LENGTH(wideSystem));
  release(wide);
  if (done && label != NULL && narrow_result(wideLabel, (DWORD)wcslen(wideLabel), label, labelSize) >= labelSize) {
    return refuse(ERROR_BAD_LENGTH);
  }
  if (done && system != NULL && narrow_result(wideSystem, (DWORD)wcslen(wideSystem), system, systemSize) >= systemSize) {
    return refuse(ERROR_BAD_LENGTH);
  }
  return done;
}
