/*
 * What a line means, loosest first: commands one after the other (&), or (||), and (&&), pipes (|); groups in parentheses, if, for.
 * A caret takes the meaning off the next character, quotes off all but themselves.
 */
#include "cmd.h"

static const char *at;
static char *(*next_line)(void);
static int depth;
static BOOL failed;

static NODE *parse_level(KIND level, NODE *first);

static NODE *new_node(KIND kind, NODE *left, NODE *right) {
  NODE *node = take(sizeof *node);
  node->kind = kind;
  node->left = left;
  node->right = right;
  return node;
}

static NODE *syntax_error(void) {
  const char *end = at;
  while (*end != 0 && *end != '\n' && !is_blank(*end)) end++;
  if (!failed && end != at) complain("%.*s was unexpected at this time.\n", (int)(end - at), at);
  else if (!failed) complain("The syntax of the command is incorrect.\n");
  failed = TRUE;
  return NULL;
}

static BOOL ends_command(char c) { return c == 0 || c == '\n' || c == '&' || c == '|' || (c == ')' && depth > 0); }

/* Continues on the next line. */
static BOOL fetch(void) {
  char *line = next_line == NULL ? NULL : next_line();
  if (line == NULL) return FALSE;
  at = line;
  return TRUE;
}

/* A caret at the end of the line joins the next one to it. */
static char escaped(void) {
  at++;
  if (*at == 0 && fetch()) return *at;
  return *at;
}

static char *redirection_target(void) {
  BUFFER target = { 0 };
  BOOL quoted = FALSE;
  while (is_blank(*at)) at++;
  while (*at != 0 && (quoted || (!is_blank(*at) && !ends_command(*at) && *at != '<' && *at != '>'))) {
    quoted ^= *at == '"';
    if (!quoted && *at == '^' && escaped() == 0) break;
    add_character(&target, *at++);
  }
  return target.length == 0 ? NULL : target.text;
}

/* `at` is at '<' or '>'. */
static BOOL parse_redirection(NODE *node, int handle) {
  REDIRECTION *redirection = take(sizeof *redirection), **end = &node->redirections;
  redirection->mode = *at;
  redirection->handle = handle >= 0 ? handle : *at == '<' ? 0 : 1;
  at++;
  if (redirection->mode == '>' && *at == '>') redirection->mode = 'a', at++;
  if (*at == '&') redirection->mode = '&', at++;
  redirection->target = redirection_target();
  if (redirection->target == NULL) return syntax_error() != NULL;
  while (*end != NULL) end = &(*end)->next;
  *end = redirection;
  return TRUE;
}

static BOOL parse_redirections(NODE *node) {
  for (;;) {
    while (is_blank(*at)) at++;
    int handle = at[0] >= '0' && at[0] <= '9' && (at[1] == '<' || at[1] == '>') ? *at++ - '0' : -1;
    if (*at != '<' && *at != '>') return TRUE;
    if (!parse_redirection(node, handle)) return FALSE;
  }
}

static NODE *parse_command(void) {
  NODE *node = new_node(COMMAND, NULL, NULL);
  BUFFER text = { 0 };
  BOOL quoted = FALSE;
  const char *start = at;
  if (take_word(&start, "rem")) {
    size_t length = strcspn(at, "\n");
    node->text = copy_text(at, length);
    at += length;
    return node;
  }
  add_text(&text, "", 0);
  while (*at != 0 && *at != '\n' && (quoted || !ends_command(*at))) {
    char before = text.length == 0 ? ' ' : text.text[text.length - 1];
    if (!quoted && *at >= '0' && *at <= '9' && (at[1] == '<' || at[1] == '>') && is_blank(before)) {
      int handle = *at++ - '0';
      if (!parse_redirection(node, handle)) return NULL;
      continue;
    }
    if (!quoted && (*at == '<' || *at == '>')) {
      if (!parse_redirection(node, -1)) return NULL;
      continue;
    }
    if (!quoted && *at == '^' && escaped() == 0) break;
    quoted ^= *at == '"';
    add_character(&text, *at++);
  }
  node->text = text.text;
  return node;
}

static NODE *parse_group(void) {
  NODE *all = NULL;
  depth++;
  at++;
  for (;;) {
    while (is_blank(*at) || *at == '\n' || *at == '&') at++;
    if (*at == ')') break;
    if (*at == 0) {
      if (fetch()) continue;
      depth--;
      return syntax_error();
    }
    NODE *next = *at == ':' ? (at += strcspn(at, "\n"), NULL) : parse_level(SEQUENCE, NULL);
    if (failed) return NULL;
    if (next != NULL) all = all == NULL ? next : new_node(SEQUENCE, all, next);
  }
  at++;
  depth--;
  NODE *group = new_node(GROUP, all, NULL);
  return parse_redirections(group) ? group : NULL;
}

/* What is compared: up to a blank or an operator. */
static char *condition_word(void) {
  BOOL quoted = FALSE;
  while (is_blank(*at)) at++;
  const char *start = at;
  while (*at != 0 && *at != '\n' && (quoted || (!is_blank(*at) && !(at[0] == '=' && at[1] == '=')))) quoted ^= *at++ == '"';
  return copy_text(start, (size_t)(at - start));
}

static NODE *parse_if(void) {
  static const char *const tests[] = { "exist", "errorlevel", "defined", NULL };
  static const char *const operators[] = { "equ", "neq", "lss", "leq", "gtr", "geq", NULL };
  NODE *node = new_node(IF, NULL, NULL);
  for (;;) {
    if (take_word(&at, "/i")) node->ignores_case = TRUE;
    else if (take_word(&at, "not")) node->negated = !node->negated;
    else break;
  }
  for (int i = 0; tests[i] != NULL && node->text == NULL; i++)
    if (take_word(&at, tests[i])) node->text = (char *)tests[i];
  node->first = condition_word();
  if (node->text == NULL) {
    while (is_blank(*at)) at++;
    if (at[0] == '=' && at[1] == '=') node->text = "==", at += 2;
    for (int i = 0; operators[i] != NULL && node->text == NULL; i++)
      if (take_word(&at, operators[i])) node->text = (char *)operators[i];
    if (node->text == NULL) return syntax_error();
    node->second = condition_word();
  }
  while (is_blank(*at)) at++;
  if (*at != '(') {
    node->left = parse_level(SEQUENCE, NULL);
    return node->left == NULL ? syntax_error() : node;
  }
  NODE *body = parse_group();
  if (body == NULL) return NULL;
  if (take_word(&at, "else")) {
    node->left = body;
    node->right = parse_level(SEQUENCE, NULL);
    return node->right == NULL ? syntax_error() : node;
  }
  node->left = parse_level(SEQUENCE, body);
  return failed ? NULL : node;
}

static NODE *parse_for(void) {
  NODE *node = new_node(FOR, NULL, NULL);
  for (;;) {
    at = skip_blanks(at);
    if (*at != '/' || at[1] == 0) break;
    node->option = (char)(at[1] | 32);
    at = skip_blanks(at + 2);
    const char *start = at;
    BOOL quoted = FALSE;
    while (*at != 0 && (quoted || !is_blank(*at)) && (at != start || *at != '%')) quoted ^= *at++ == '"';
    if ((node->option == 'f' || node->option == 'r') && at != start) node->first = unquoted(copy_text(start, (size_t)(at - start)));
    else at = start;
  }
  if (at[0] != '%' || at[1] == 0) return syntax_error();
  node->variable = at[1];
  at += 2;
  if (!take_word(&at, "in")) return syntax_error();
  at = skip_blanks(at);
  if (*at != '(') return syntax_error();
  const char *start = ++at;
  BOOL quoted = FALSE;
  while (*at != 0 && (quoted || *at != ')')) quoted ^= *at++ == '"';
  if (*at != ')') return syntax_error();
  node->text = copy_text(start, (size_t)(at++ - start));
  if (!take_word(&at, "do")) return syntax_error();
  node->left = parse_level(SEQUENCE, NULL);
  return node->left == NULL ? syntax_error() : node;
}

static NODE *parse_item(void) {
  BOOL quiet = FALSE;
  while (is_blank(*at) || *at == '@' || *at == ',' || *at == ';' || *at == '=') quiet |= *at++ == '@';
  if (ends_command(*at)) return NULL;
  NODE leading = { 0 };
  if (!parse_redirections(&leading)) return NULL;
  NODE *node = *at == '(' ? parse_group() : take_word(&at, "if") ? parse_if() : take_word(&at, "for") ? parse_for() : parse_command();
  if (node == NULL) return NULL;
  node->quiet = quiet;
  if (leading.redirections != NULL) {
    REDIRECTION **end = &leading.redirections;
    while (*end != NULL) end = &(*end)->next;
    *end = node->redirections;
    node->redirections = leading.redirections;
  }
  return node;
}

static BOOL take_operator(KIND level) {
  at = skip_blanks(at);
  BOOL doubled = at[0] == at[1];
  BOOL found = level == SEQUENCE ? *at == '&' && !doubled : level == AND ? *at == '&' && doubled : *at == '|' && doubled == (level == OR);
  if (found) at += level == OR || level == AND ? 2 : 1;
  return found;
}

static NODE *parse_level(KIND level, NODE *first) {
  NODE *left = level == PIPE ? (first != NULL ? first : parse_item()) : parse_level((KIND)(level + 1), first);
  while (left != NULL && !failed && take_operator(level)) {
    NODE *right = level == PIPE ? parse_item() : parse_level((KIND)(level + 1), NULL);
    if (right == NULL && level != SEQUENCE) return syntax_error();
    if (right != NULL) left = new_node(level, left, right);
  }
  return failed ? NULL : left;
}

NODE *parse_line(const char *line, char *(*more)(void), BOOL *wrong) {
  at = skip_blanks(line);
  next_line = more;
  depth = 0;
  failed = FALSE;
  NODE *node = *at == ':' ? NULL : parse_level(SEQUENCE, NULL);
  if (!failed && node != NULL && *skip_blanks(at) != 0 && *at != '\n' && *at != ')') syntax_error();
  *wrong = failed;
  return failed ? NULL : node;
}

/* ---- back to text */

static void write_words(BUFFER *buffer, const char *text) {
  BOOL quoted = FALSE;
  for (; *text != 0; text++) {
    quoted ^= *text == '"';
    if (!quoted && strchr("&|<>^()", *text) != NULL) add_character(buffer, '^');
    add_character(buffer, *text);
  }
}

static void write_redirections(BUFFER *buffer, const REDIRECTION *redirection) {
  for (; redirection != NULL; redirection = redirection->next) {
    const char *sign = redirection->mode == 'a' ? ">>" : redirection->mode == '<' ? "<" : redirection->mode == '&' ? ">&" : ">";
    char *text = format_text(" %d%s%s", redirection->handle, sign, redirection->target);
    add_text(buffer, text, strlen(text));
  }
}

static void write_pair(BUFFER *buffer, const NODE *node, const char *between) {
  write_node(buffer, node->left);
  add_text(buffer, between, strlen(between));
  write_node(buffer, node->right);
}

void write_node(BUFFER *buffer, const NODE *node) {
  char *head;
  if (node == NULL) return;
  switch (node->kind) {
  case COMMAND: write_words(buffer, expand_late(node->text)); break;
  case SEQUENCE: write_pair(buffer, node, " & "); break;
  case OR: write_pair(buffer, node, " || "); break;
  case AND: write_pair(buffer, node, " && "); break;
  case PIPE: write_pair(buffer, node, " | "); break;
  case GROUP:
    add_text(buffer, "(", 1);
    write_node(buffer, node->left);
    add_text(buffer, ")", 1);
    break;
  case IF:
    head = node->second == NULL ? format_text("%s %s", node->text, expand_late(node->first))
                                : format_text("%s %s %s", expand_late(node->first), node->text, expand_late(node->second));
    head = format_text("if %s%s%s (", node->ignores_case ? "/i " : "", node->negated ? "not " : "", head);
    add_text(buffer, head, strlen(head));
    write_pair(buffer, node, node->right == NULL ? "" : ") else (");
    add_text(buffer, ")", 1);
    break;
  case FOR:
    head = format_text("for %s%s%s %%%c in (%s) do ", node->option ? (char[]){ '/', node->option, ' ', 0 } : "",
                       node->first != NULL ? format_text("\"%s\"", node->first) : "", "", node->variable, node->text);
    add_text(buffer, head, strlen(head));
    write_node(buffer, node->left);
    break;
  }
  write_redirections(buffer, node->redirections);
}
