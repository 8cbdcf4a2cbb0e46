/* What the files of cmd.exe share: the command interpreter of the machine. */
#pragma once
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>

/* ---- memory (text.c): taken as it is needed, given back all at once to a mark */
typedef struct { struct chunk *chunk; size_t used; } MARK;
MARK arena_mark(void);
void arena_release(MARK mark);
void *take(size_t size);
char *copy_text(const char *text, size_t length);
char *format_text(const char *format, ...);
typedef struct { char *text; size_t length, room; } BUFFER;
void add_text(BUFFER *buffer, const char *text, size_t length);
void add_character(BUFFER *buffer, char c);

/* ---- words (text.c) */
int is_blank(char c);
const char *skip_blanks(const char *text);
/* The next word, quotes kept; `*text` moves behind it. Blanks, commas, semicolons and equal signs separate. NULL: no more. */
char *next_word(const char **text);
char *unquoted(const char *text);
int same(const char *a, const char *b);
/* `*text` begins with the word: moves behind it. */
int take_word(const char **text, const char *word);
/* Takes options ("/x") off the front of a command's arguments: their letters, lower case, in `letters`. */
const char *take_options(const char *text, char *letters, size_t size);

/* ---- output (text.c) */
void say(const char *format, ...);
void complain(const char *format, ...);
int complain_of_error(DWORD error);

/* ---- what a line means (parse.c) */
typedef enum { COMMAND, GROUP, SEQUENCE, OR, AND, PIPE, IF, FOR } KIND;
typedef struct redirection {
  struct redirection *next;
  int handle;
  /* '<', '>', 'a' to append, '&' for another handle */
  char mode;
  char *target;
} REDIRECTION;
typedef struct node {
  KIND kind;
  struct node *left, *right;
  REDIRECTION *redirections;
  BOOL quiet;
  /* COMMAND: its text. IF: the operator. FOR: the set. */
  char *text;
  /* IF: what is compared. FOR: the options behind /f or /r. */
  char *first, *second;
  BOOL negated, ignores_case;
  /* FOR: the variable, and the letter of its kind or 0. */
  char variable, option;
} NODE;
/* Parses a line; `more` gives further ones while a parenthesis is open. NULL: nothing there, or wrong (then it has complained). */
NODE *parse_line(const char *line, char *(*more)(void), BOOL *wrong);
/* The text of a node, for another interpreter. */
void write_node(BUFFER *buffer, const NODE *node);

/* ---- variables (expand.c) */
/* Replaces %NAME% and in batch files %1. */
char *expand_percent(const char *line);
/* Replaces variables of for loops, and !NAME! where that is on. */
char *expand_late(const char *text);
const char *variable_value(const char *name);
char *set_loop_variable(char variable, char *value);
extern BOOL delayed_expansion;

/* ---- batch files (batch.c) */
typedef struct batch {
  struct batch *outer;
  char *text, *position;
  char *path;
  char *arguments;
  int shifted;
  BOOL saved_echo, saved_delayed;
  /* Environments and folders of setlocal. */
  struct local *locals;
} BATCH;
extern BATCH *batch;
int run_batch(const char *path, const char *name, const char *arguments);
int call_label(const char *label, const char *arguments);
BOOL go_to(const char *label);
char *batch_argument(int number);
void begin_local(const char *options);
void end_local(void);

/* ---- running (run.c) */
/* %ERRORLEVEL%, and what the last command came to, for && and ||. */
extern int errorlevel, result;
extern BOOL echoing, leaving_batch, ending, interrupted;
void run_text(char *line, char *(*more)(void));
void run(NODE *node);
int run_words(const char *text, BOOL is_call);
/* Reads a line of any handle without line end; NULL at the end. */
char *read_line(HANDLE input);
BOOL apply_redirections(REDIRECTION *redirections, HANDLE saved[3]);
void restore_handles(HANDLE saved[3]);
void run_if(NODE *node);
void run_for(NODE *node);

/* ---- commands that the interpreter does itself (commands.c, files.c); -1: it is none */
int run_builtin(const char *name, const char *arguments);
int file_command(const char *name, const char *arguments);
