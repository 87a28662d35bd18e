/** What a token of JavaScript is. */
export type TokenKind =
  | "name"
  | "private"
  | "number"
  | "string"
  | "template"
  | "punctuator"
  | "regex"
  | "end";

/** A token of JavaScript. */
export interface Token {
  /** What it is. */
  readonly kind: TokenKind;
  /** Its text; of a template, how the part ends: a backtick or `${`. */
  readonly text: string;
  /** Where it begins. */
  readonly start: number;
  /** Where it ends. */
  readonly end: number;
  /** Whether it is the first of its line. */
  readonly afterNewline: boolean;
}

const BLANK = /(?:\s|\/\/[^\n\r\u2028\u2029]*|\/\*[^]*?\*\/)*/y;
const ESCAPE = String.raw`\\u(?:[\da-fA-F]{4}|\{[\da-fA-F]+\})`;
const NAME = new RegExp(
  String.raw`(?:[$_\p{ID_Start}]|${ESCAPE})(?:[$\u200c\u200d\p{ID_Continue}]|${ESCAPE})*`,
  "uy",
);
const NUMBER = /0[xXoObB][\da-fA-F_]+n?|(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][+-]?[\d_]+)?n?/y;
const STRING = /"(?:[^"\\]|\\[^])*"|'(?:[^'\\]|\\[^])*'/y;
const TEMPLATE_PART = /(?:[^`\\$]|\\[^]|\$(?!\{))*(`|\$\{)/y;
const REGEX = /\/(?:[^\\/[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[\p{ID_Continue}]*/uy;
const PUNCTUATOR =
  />>>=|\.\.\.|===|!==|\*\*=|<<=|>>=|>>>|&&=|\|\|=|\?\?=|=>|[=!<>+\-*/%&|^]=|&&|\|\||\?\?|\?\.(?!\d)|\+\+|--|\*\*|<<|>>|[^]/y;

/**
 * Cuts source text that is known to be right into tokens. What a `/` is, or a
 * `}`, only the parser knows: it asks for {@linkcode Scanner.asRegex} and
 * {@linkcode Scanner.asTemplate} where an operand begins and a `${` ends.
 */
export class Scanner {
  readonly #source: string;
  /** The token that is looked at. */
  token: Token;

  /** Begins with the first token of `source`. */
  constructor(source: string) {
    this.#source = source;
    this.token = this.#scan(0);
  }

  /** Goes on to the next token. */
  advance(): void {
    this.token = this.#scan(this.token.end);
  }

  /** The token after this one. */
  peek(): Token {
    return this.#scan(this.token.end);
  }

  /** Whether the token is the punctuator or word `text`. */
  at(text: string): boolean {
    const { kind } = this.token;
    return this.token.text === text && (kind === "punctuator" || kind === "name");
  }

  /** Goes past the token if it is `text`; whether it was. */
  take(text: string): boolean {
    if (!this.at(text)) return false;
    this.advance();
    return true;
  }

  /** Goes past the token, which is `text`. */
  expect(text: string): void {
    if (!this.take(text)) this.fail();
  }

  /** Gives up. */
  fail(): never {
    throw new SyntaxError(`Unexpected "${this.token.text}" at offset ${this.token.start}`);
  }

  /** Reads the `/` that is looked at as the start of a regular expression. */
  asRegex(): void {
    this.token = this.#make("regex", REGEX, this.token.start);
  }

  /** Reads the `}` that is looked at as the end of a `${`, and the part of the template after it. */
  asTemplate(): void {
    this.token = this.#template(this.token);
  }

  #scan(from: number): Token {
    const source = this.#source;
    BLANK.lastIndex = from;
    BLANK.test(source);
    const start = BLANK.lastIndex;
    const afterNewline = /[\n\r\u2028\u2029]/.test(source.slice(from, start));
    const first = source[start];
    if (first === undefined) return { kind: "end", text: "", start, end: start, afterNewline };
    if (first === "`") return this.#template({ start, afterNewline });
    if (first === '"' || first === "'") return this.#make("string", STRING, start, afterNewline);
    if (/\d/.test(first) || (first === "." && /\d/.test(source[start + 1] ?? ""))) {
      return this.#make("number", NUMBER, start, afterNewline);
    }
    // The name after it is a key, as that after a dot is.
    if (first === "#") {
      const { end } = this.#make("name", NAME, start + 1);
      return { kind: "private", text: first, start, end, afterNewline };
    }
    NAME.lastIndex = start;
    if (NAME.test(source)) return this.#make("name", NAME, start, afterNewline);
    return this.#make("punctuator", PUNCTUATOR, start, afterNewline);
  }

  #make(kind: TokenKind, pattern: RegExp, start: number, afterNewline = false): Token {
    pattern.lastIndex = start;
    const found = pattern.exec(this.#source);
    if (found === null) throw new SyntaxError(`No ${kind} at offset ${start}`);
    return { kind, text: found[0], start, end: pattern.lastIndex, afterNewline };
  }

  /** The part of a template after its backtick or after a `}`. */
  #template({ start, afterNewline }: { start: number; afterNewline: boolean }): Token {
    TEMPLATE_PART.lastIndex = start + 1;
    const found = TEMPLATE_PART.exec(this.#source);
    if (found === null) throw new SyntaxError(`No end of the template at offset ${start}`);
    const end = TEMPLATE_PART.lastIndex;
    return { kind: "template", text: found[1] as string, start, end, afterNewline };
  }
}
