/** Display names and syntax highlighting of languages. */

import type { LanguageSupport, StreamParser } from "@codemirror/language";
import { StreamLanguage } from "@codemirror/language";
import type { Extension } from "@codemirror/state";

const TITLES: Record<string, string> = {
  ...titled("AWK", "COBOL", "GAS", "LOLCODE", "LLVM_IR", "NASM", "NASM64", "PHP", "VHDL", "WAT"),
  ...titled("C", "C++", "Clang", "Clang++", "D", "JavaScript", "TypeScript", "CoffeeScript"),
  ...titled("ClojureScript", "LiveScript", "ReScript", "OCaml", "QuickJS", "DuckDB", "ArnoldC"),
  ...titled("PARI-GP", "MIT-Scheme", "Objective-C", "Python-science", "M4", "BC", "DC", "JQ"),
  csharp: "C#",
  emacs: "Emacs Lisp",
  rscript: "R",
  sqlite3: "SQLite",
  smt2: "SMT-LIB",
  iverilog: "Verilog",
  lisp: "Common Lisp",
};

function titled(...titles: string[]): Record<string, string> {
  return Object.fromEntries(titles.map((title) => [title.toLowerCase(), title.replaceAll("_", " ")]));
}

/** Returns the display name of a language, such as `C#` for `csharp`. */
export function title(language: string): string {
  return TITLES[language] ?? language.charAt(0).toUpperCase() + language.slice(1);
}

type Loader = () => Promise<Extension>;

const legacy = (load: () => Promise<StreamParser<unknown>>): Loader => {
  return async () => StreamLanguage.define(await load());
};
const modern = (load: () => Promise<LanguageSupport>): Loader => load;

const javascript = modern(async () => (await import("@codemirror/lang-javascript")).javascript());
const typescript = modern(async () =>
  (await import("@codemirror/lang-javascript")).javascript({ typescript: true }),
);
const python = modern(async () => (await import("@codemirror/lang-python")).python());
const c = modern(async () => (await import("@codemirror/lang-cpp")).cpp());
const sql = modern(async () => {
  const { sql, SQLite } = await import("@codemirror/lang-sql");
  return sql({ dialect: SQLite });
});
const shell = legacy(async () => (await import("@codemirror/legacy-modes/mode/shell")).shell);
const scheme = legacy(async () => (await import("@codemirror/legacy-modes/mode/scheme")).scheme);
const lisp = legacy(async () => (await import("@codemirror/legacy-modes/mode/commonlisp")).commonLisp);
const clojure = legacy(async () => (await import("@codemirror/legacy-modes/mode/clojure")).clojure);
const assembly = legacy(async () => (await import("@codemirror/legacy-modes/mode/gas")).gas);
const clike = () => import("@codemirror/legacy-modes/mode/clike");
const mllike = () => import("@codemirror/legacy-modes/mode/mllike");

const LOADERS: Record<string, Loader> = {
  python,
  python2: python,
  "python-science": python,
  xonsh: python,
  javascript,
  quickjs: javascript,
  typescript,
  civet: typescript,
  c,
  "c++": c,
  clang: c,
  "clang++": c,
  java: modern(async () => (await import("@codemirror/lang-java")).java()),
  rust: modern(async () => (await import("@codemirror/lang-rust")).rust()),
  go: modern(async () => (await import("@codemirror/lang-go")).go()),
  php: modern(async () => (await import("@codemirror/lang-php")).php()),
  sqlite3: sql,
  duckdb: sql,
  bash: shell,
  dash: shell,
  zsh: shell,
  ksh: shell,
  mksh: shell,
  fish: shell,
  tcsh: shell,
  guile: scheme,
  chicken: scheme,
  "mit-scheme": scheme,
  gambit: scheme,
  racket: scheme,
  lisp,
  clisp: lisp,
  ecl: lisp,
  emacs: lisp,
  clojure,
  clojurescript: clojure,
  hy: clojure,
  fennel: clojure,
  nasm: assembly,
  nasm64: assembly,
  gas: assembly,
  kotlin: legacy(async () => (await clike()).kotlin),
  csharp: legacy(async () => (await clike()).csharp),
  scala: legacy(async () => (await clike()).scala),
  "objective-c": legacy(async () => (await clike()).objectiveC),
  squirrel: legacy(async () => (await clike()).squirrel),
  vala: legacy(async () => (await clike()).csharp),
  ocaml: legacy(async () => (await mllike()).oCaml),
  ruby: legacy(async () => (await import("@codemirror/legacy-modes/mode/ruby")).ruby),
  crystal: legacy(async () => (await import("@codemirror/legacy-modes/mode/crystal")).crystal),
  perl: legacy(async () => (await import("@codemirror/legacy-modes/mode/perl")).perl),
  raku: legacy(async () => (await import("@codemirror/legacy-modes/mode/perl")).perl),
  lua: legacy(async () => (await import("@codemirror/legacy-modes/mode/lua")).lua),
  tcl: legacy(async () => (await import("@codemirror/legacy-modes/mode/tcl")).tcl),
  haskell: legacy(async () => (await import("@codemirror/legacy-modes/mode/haskell")).haskell),
  erlang: legacy(async () => (await import("@codemirror/legacy-modes/mode/erlang")).erlang),
  groovy: legacy(async () => (await import("@codemirror/legacy-modes/mode/groovy")).groovy),
  cobol: legacy(async () => (await import("@codemirror/legacy-modes/mode/cobol")).cobol),
  fortran: legacy(async () => (await import("@codemirror/legacy-modes/mode/fortran")).fortran),
  pascal: legacy(async () => (await import("@codemirror/legacy-modes/mode/pascal")).pascal),
  d: legacy(async () => (await import("@codemirror/legacy-modes/mode/d")).d),
  swift: legacy(async () => (await import("@codemirror/legacy-modes/mode/swift")).swift),
  octave: legacy(async () => (await import("@codemirror/legacy-modes/mode/octave")).octave),
  rscript: legacy(async () => (await import("@codemirror/legacy-modes/mode/r")).r),
  iverilog: legacy(async () => (await import("@codemirror/legacy-modes/mode/verilog")).verilog),
  vhdl: legacy(async () => (await import("@codemirror/legacy-modes/mode/vhdl")).vhdl),
  wat: legacy(async () => (await import("@codemirror/legacy-modes/mode/wast")).wast),
  haxe: legacy(async () => (await import("@codemirror/legacy-modes/mode/haxe")).haxe),
  coffeescript: legacy(
    async () => (await import("@codemirror/legacy-modes/mode/coffeescript")).coffeeScript,
  ),
  livescript: legacy(
    async () => (await import("@codemirror/legacy-modes/mode/livescript")).liveScript,
  ),
  forth: legacy(async () => (await import("@codemirror/legacy-modes/mode/forth")).forth),
  brainfuck: legacy(async () => (await import("@codemirror/legacy-modes/mode/brainfuck")).brainfuck),
};

/** Loads the syntax highlighting of a language; nothing for an unknown one. */
export async function highlighting(language: string): Promise<Extension> {
  return (await LOADERS[language]?.()) ?? [];
}
