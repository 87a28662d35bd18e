import { Scanner, type Token } from "./_js_scanner.ts";
import { Scopes } from "./_js_scopes.ts";

const PREFIX = new Set(["!", "~", "+", "-", "++", "--", "...", "@"]);
const WORD_PREFIX = new Set(["typeof", "void", "delete", "await", "new"]);
const LITERALS = new Set(["null", "true", "false"]);
/** What follows an operand and belongs neither to it nor to an operation. */
const NO_OPERATOR = new Set(["(", ")", "[", "]", "{", "}", ";", ",", ":", "?", ".", "?.", "=>"]);
const NOT_AFTER_OPERAND = new Set(["!", "~", "++", "--", "...", "@", "#"]);
const ENDS_YIELD = new Set([")", "]", "}", ",", ";", ":"]);

/**
 * The names that `source`, an expression, uses and does not define: variables,
 * and `this`, `super`, `arguments`, `new.target` and `import.meta` where they
 * would come from around it. Globals are among them.
 *
 * `source` is known to be right, V8 wrote it down; so this reads no more of the
 * grammar than what tells a name that is used from one that is declared or only
 * a key. Precedence of operators does not matter, and patterns are read as the
 * expressions they look like, until an arrow or a declaration says otherwise.
 *
 * @throws {SyntaxError} where it meets a piece of grammar it does not know
 */
export function freeVariables(source: string): string[] {
  return new Analysis(source).run();
}

class Analysis {
  readonly #tokens: Scanner;
  readonly #scopes = new Scopes();

  constructor(source: string) {
    this.#tokens = new Scanner(source);
  }

  run(): string[] {
    this.#expression();
    if (this.#token.kind !== "end") this.#tokens.fail();
    return this.#scopes.free();
  }

  get #token(): Token {
    return this.#tokens.token;
  }

  // Expressions.

  #expression(noIn = false): void {
    do this.#assignment(noIn); while (this.#tokens.take(","));
  }

  /** Operands and operators, up to a comma or the end of the statement. */
  #assignment(noIn = false): void {
    while (true) {
      const complete = this.#prefixes();
      if (!complete) this.#operand(noIn);
      this.#suffixes();
      if (this.#tokens.take("?")) {
        this.#assignment();
        this.#tokens.expect(":");
        continue;
      }
      if (!this.#atOperator(noIn)) return;
      this.#tokens.advance();
    }
  }

  #atOperator(noIn: boolean): boolean {
    const { kind, text } = this.#token;
    if (kind === "name") return text === "instanceof" || (text === "in" && !noIn);
    return kind === "punctuator" && !NO_OPERATOR.has(text) && !NOT_AFTER_OPERAND.has(text);
  }

  /** Skips what stands before an operand; `true` if that was the operand: `yield`, `new.target`. */
  #prefixes(): boolean {
    while (true) {
      const { kind, text } = this.#token;
      if (kind === "punctuator" && PREFIX.has(text)) {
        this.#tokens.advance();
      } else if (kind === "name" && text === "yield") {
        this.#tokens.advance();
        this.#tokens.take("*");
        const next = this.#token;
        if (next.afterNewline || next.kind === "end" || ENDS_YIELD.has(next.text)) return true;
      } else if (kind === "name" && WORD_PREFIX.has(text)) {
        this.#tokens.advance();
        if (text === "new" && this.#tokens.take(".")) {
          this.#tokens.advance();
          this.#scopes.use("new.target");
          return true;
        }
      } else return false;
    }
  }

  #operand(noIn: boolean): void {
    const { kind, text } = this.#token;
    if (kind === "name") return this.#word(text, noIn);
    if (kind === "template") return this.#template();
    if (kind === "number" || kind === "string" || kind === "private") {
      return this.#tokens.advance();
    }
    if (text === "/" || text === "/=") {
      this.#tokens.asRegex();
      return this.#tokens.advance();
    }
    if (text === "(") return this.#parentheses(noIn);
    if (text === "[") return this.#list("[", "]");
    if (text === "{") return this.#object();
    this.#tokens.fail();
  }

  #word(text: string, noIn: boolean): void {
    const next = this.#tokens.peek();
    if (text === "function") return this.#function();
    if (text === "class") return this.#class();
    if (text === "async" && !next.afterNewline) {
      if (next.text === "function" && next.kind === "name") return this.#function();
      const isArrow = next.kind === "name" && next.text !== "in" && next.text !== "instanceof" &&
        next.text !== "of";
      if (isArrow) {
        this.#tokens.advance();
        return this.#arrow(noIn);
      }
      if (next.text === "(" && next.kind === "punctuator") {
        this.#tokens.advance();
        return this.#parentheses(noIn, "async");
      }
    }
    if (next.text === "=>" && next.kind === "punctuator") return this.#arrow(noIn);
    this.#tokens.advance();
    if (text === "import" && this.#tokens.take(".")) {
      const isMeta = this.#tokens.take("meta");
      if (isMeta) this.#scopes.use("import.meta");
      else this.#tokens.advance();
    } else if (text !== "import" && !LITERALS.has(text)) this.#scopes.use(text);
  }

  #suffixes(): void {
    while (true) {
      if (this.#token.kind === "template") this.#template();
      else if (this.#tokens.at("(")) this.#list("(", ")");
      else if (this.#tokens.at("[")) this.#list("[", "]");
      else if (this.#tokens.take(".")) this.#tokens.advance();
      else if (this.#tokens.take("?.")) {
        if (this.#token.kind === "name" || this.#token.kind === "private") this.#tokens.advance();
      } else if (!this.#tokens.take("++") && !this.#tokens.take("--")) return;
    }
  }

  #template(): void {
    while (this.#token.text === "${") {
      this.#tokens.advance();
      this.#expression();
      if (!this.#tokens.at("}")) this.#tokens.fail();
      this.#tokens.asTemplate();
    }
    this.#tokens.advance();
  }

  #list(open: string, close: string): void {
    this.#tokens.expect(open);
    while (!this.#tokens.take(close)) {
      if (!this.#tokens.take(",")) this.#assignment();
    }
  }

  /** An expression in parentheses, the arguments of a function named async, or the parameters of an arrow. */
  #parentheses(noIn: boolean, callee: string | null = null): void {
    const { token } = this.#tokens;
    const { mark } = this.#scopes;
    this.#list("(", ")");
    if (this.#tokens.at("=>") && !this.#token.afterNewline) {
      this.#tokens.token = token;
      this.#scopes.goBack(mark);
      this.#arrow(noIn);
    } else if (callee !== null) this.#scopes.use(callee);
  }

  #arrow(noIn: boolean): void {
    this.#scopes.within("arrow", () => {
      if (this.#tokens.at("(")) this.#parameters();
      else this.#pattern();
      this.#tokens.expect("=>");
      if (this.#tokens.at("{")) this.#block();
      else this.#assignment(noIn);
    });
  }

  #object(): void {
    this.#tokens.expect("{");
    while (!this.#tokens.take("}")) {
      if (this.#tokens.take(",")) continue;
      if (this.#tokens.take("...")) this.#assignment();
      else this.#property();
    }
  }

  #property(): void {
    const key = this.#key(new Set(["get", "set", "async"]));
    if (this.#tokens.at("(")) this.#method();
    else if (this.#tokens.take(":")) this.#assignment();
    else {
      if (key !== null) this.#scopes.use(key);
      // Of a pattern: { a = 1 }.
      if (this.#tokens.take("=")) this.#assignment();
    }
  }

  /** The key of a property or member, with what may stand before it; its name unless it is computed. */
  #key(modifiers: ReadonlySet<string>): string | null {
    while (true) {
      const { kind, text } = this.#token;
      const next = this.#tokens.peek();
      const isLast = next.kind === "punctuator" && /^[,:({}=;]$/.test(next.text);
      if (this.#tokens.take("*")) continue;
      if (kind !== "name" || !modifiers.has(text) || isLast) break;
      this.#tokens.advance();
    }
    if (this.#tokens.at("[")) {
      this.#list("[", "]");
      return null;
    }
    const { text } = this.#token;
    this.#tokens.advance();
    return text;
  }

  // Functions and classes.

  #function(declare = false): void {
    this.#tokens.take("async");
    this.#tokens.expect("function");
    this.#tokens.take("*");
    const name = this.#tokens.at("(") ? null : this.#token.text;
    if (name !== null) this.#tokens.advance();
    if (declare && name !== null) this.#scopes.declare(name);
    this.#scopes.within("block", () => {
      if (name !== null) this.#scopes.declare(name);
      this.#method();
    });
  }

  #method(): void {
    this.#scopes.within("function", () => {
      this.#parameters();
      this.#block();
    });
  }

  #parameters(): void {
    this.#tokens.expect("(");
    while (!this.#tokens.take(")")) {
      if (!this.#tokens.take(",")) this.#binding();
    }
  }

  #class(declare = false): void {
    this.#tokens.expect("class");
    const name = this.#tokens.at("{") || this.#tokens.at("extends") ? null : this.#token.text;
    if (name !== null) this.#tokens.advance();
    if (declare && name !== null) this.#scopes.declare(name);
    this.#scopes.within("class", () => {
      if (name !== null) this.#scopes.declare(name);
      if (this.#tokens.take("extends")) {
        this.#operand(false);
        this.#suffixes();
      }
      this.#tokens.expect("{");
      while (!this.#tokens.take("}")) {
        if (!this.#tokens.take(";")) this.#member();
      }
    });
  }

  #member(): void {
    while (this.#tokens.take("@")) {
      this.#operand(false);
      this.#suffixes();
    }
    if (this.#tokens.at("static") && this.#tokens.peek().text === "{") {
      this.#tokens.advance();
      return this.#scopes.within("function", () => this.#block());
    }
    this.#key(new Set(["static", "get", "set", "async", "accessor"]));
    if (this.#tokens.at("(")) this.#method();
    else if (this.#tokens.take("=")) this.#scopes.within("function", () => this.#assignment());
  }

  // Declarations.

  #binding(isVar = false): void {
    this.#tokens.take("...");
    this.#pattern(isVar);
    if (this.#tokens.take("=")) this.#assignment();
  }

  /** Declares the names of a pattern. */
  #pattern(isVar = false): void {
    if (this.#tokens.take("[")) {
      while (!this.#tokens.take("]")) {
        if (!this.#tokens.take(",")) this.#binding(isVar);
      }
    } else if (this.#tokens.take("{")) {
      while (!this.#tokens.take("}")) {
        if (this.#tokens.take(",")) continue;
        if (this.#tokens.at("...")) this.#binding(isVar);
        else this.#boundProperty(isVar);
      }
    } else if (this.#token.kind === "name") {
      this.#scopes.declare(this.#token.text, isVar);
      this.#tokens.advance();
    } else this.#tokens.fail();
  }

  #boundProperty(isVar = false): void {
    const key = this.#key(new Set());
    if (this.#tokens.take(":")) return this.#binding(isVar);
    if (key !== null) this.#scopes.declare(key, isVar);
    if (this.#tokens.take("=")) this.#assignment();
  }

  #declaration(noIn: boolean): void {
    const isVar = this.#tokens.at("var");
    this.#tokens.take("await");
    this.#tokens.advance();
    do {
      this.#pattern(isVar);
      if (this.#tokens.take("=")) this.#assignment(noIn);
    } while (this.#tokens.take(","));
  }

  #atDeclaration(): boolean {
    if (this.#token.kind !== "name") return false;
    const { text } = this.#token;
    if (text === "var" || text === "const") return true;
    const next = this.#tokens.peek();
    const named = next.kind === "name" && !/^(in|of|instanceof)$/.test(next.text);
    if (text === "let") {
      return named || (next.kind === "punctuator" && (next.text === "[" || next.text === "{"));
    }
    if (text === "using") return named && !next.afterNewline;
    if (text !== "await" || next.text !== "using" || next.afterNewline) return false;
    const { token } = this.#tokens;
    this.#tokens.advance();
    const follows = this.#atDeclaration();
    this.#tokens.token = token;
    return follows;
  }

  // Statements.

  #block(): void {
    this.#scopes.within("block", () => {
      this.#tokens.expect("{");
      while (!this.#tokens.take("}")) this.#statement();
    });
  }

  #statement(): void {
    if (this.#tokens.take(";")) return;
    if (this.#tokens.at("{")) return this.#block();
    if (this.#atDeclaration()) this.#declaration(false);
    else if (this.#token.kind === "name") return this.#named(this.#token.text);
    else this.#expression();
    this.#tokens.take(";");
  }

  /** A statement that begins with a word. */
  #named(word: string): void {
    const next = this.#tokens.peek();
    if (next.text === ":" && next.kind === "punctuator" && word !== "default") {
      this.#tokens.advance();
      this.#tokens.advance();
      return this.#statement();
    }
    switch (word) {
      case "function":
        return this.#function(true);
      case "class":
        return this.#class(true);
      case "if":
        this.#header();
        this.#statement();
        if (this.#tokens.take("else")) this.#statement();
        return;
      case "while":
      case "with":
        this.#header();
        return this.#statement();
      case "do":
        this.#tokens.advance();
        this.#statement();
        return this.#header();
      case "for":
        return this.#for();
      case "switch":
        return this.#switch();
      case "try":
        return this.#try();
      case "return":
      case "throw":
        this.#tokens.advance();
        if (this.#tokens.take(";") || this.#token.afterNewline || this.#tokens.at("}")) return;
        break;
      case "break":
      case "continue":
      case "debugger":
        this.#tokens.advance();
        if (this.#token.kind === "name" && !this.#token.afterNewline) this.#tokens.advance();
        this.#tokens.take(";");
        return;
    }
    if (word === "async" && next.text === "function" && !next.afterNewline) {
      return this.#function(true);
    }
    this.#expression();
    this.#tokens.take(";");
  }

  /** The word of a statement, and what follows it in parentheses. */
  #header(): void {
    this.#tokens.advance();
    this.#tokens.expect("(");
    this.#expression();
    this.#tokens.expect(")");
  }

  #for(): void {
    this.#scopes.within("block", () => {
      this.#tokens.advance();
      this.#tokens.take("await");
      this.#tokens.expect("(");
      if (this.#atDeclaration()) this.#declaration(true);
      else if (!this.#tokens.at(";")) this.#expression(true);
      while (!this.#tokens.take(")")) {
        if (!this.#tokens.take("of") && !this.#tokens.take("in") && !this.#tokens.take(";")) {
          this.#expression();
        }
      }
      this.#statement();
    });
  }

  #switch(): void {
    this.#header();
    this.#scopes.within("block", () => {
      this.#tokens.expect("{");
      while (!this.#tokens.take("}")) {
        if (this.#tokens.take("case")) {
          this.#expression();
          this.#tokens.expect(":");
        } else if (this.#tokens.take("default")) this.#tokens.expect(":");
        else this.#statement();
      }
    });
  }

  #try(): void {
    this.#tokens.advance();
    this.#block();
    if (this.#tokens.take("catch")) {
      this.#scopes.within("block", () => {
        if (this.#tokens.take("(")) {
          this.#pattern();
          this.#tokens.expect(")");
        }
        this.#block();
      });
    }
    if (this.#tokens.take("finally")) this.#block();
  }
}
