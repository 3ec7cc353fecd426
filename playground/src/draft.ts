/** What is being edited, kept for as long as the tab lives: a program for every language tried. */

import { readProgram, type Program } from "./program";

const KEY = "draft";

export class Draft {
  private programs = new Map<string, Program>();

  /** Returns what was being edited at this very address, before the page was left or reloaded. */
  restore(fragment: string): Program | null {
    try {
      const { at, current, programs } = JSON.parse(sessionStorage.getItem(KEY) ?? "");
      this.programs = new Map(programs.map(readProgram).map((program: Program) => [program.language, program]));
      return at === fragment ? (this.programs.get(current) ?? null) : null;
    } catch {
      return null;
    }
  }

  of(language: string): Program | undefined {
    return this.programs.get(language);
  }

  keep(program: Program, fragment: string): void {
    this.programs.set(program.language, program);
    const draft = { at: fragment, current: program.language, programs: [...this.programs.values()] };
    try {
      sessionStorage.setItem(KEY, JSON.stringify(draft));
    } catch {
      // Too large to be kept: it is still in the editor.
    }
  }
}
