/** Unsaved programs, one per language, kept in `sessionStorage` until the tab is closed. */

import { readProgram, type Program } from "./program";
import { load, save } from "./storage";

// The frames of a page share the storage.
const KEY = `draft${location.search}`;

export class Draft {
  private programs = new Map<string, Program>();

  /** Returns the program that was edited at the same address before the page was left or reloaded. */
  restore(fragment: string): Program | null {
    try {
      const { at, current, programs } = JSON.parse(load("sessionStorage", KEY));
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
    save("sessionStorage", KEY, JSON.stringify(draft));
  }
}
