/** The search in the output. */

import { element } from "./page";
import type { Terminal } from "./terminal";

export class Find {
  private readonly button = element("find-button", HTMLButtonElement);
  private readonly form = element("find", HTMLFormElement);
  private readonly field = element("find-text", HTMLInputElement);
  private readonly note = element("find-note", HTMLElement);

  constructor(private readonly terminal: () => Terminal | null) {
    this.button.addEventListener("click", () => (this.form.hidden ? this.open() : this.close()));
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.find(false);
    });
    element("find-before", HTMLButtonElement).addEventListener("click", () => this.find(true));
    this.form.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.close();
      else if (event.key === "Enter" && event.shiftKey && event.target === this.field) this.find(true);
      else return;
      event.preventDefault();
    });
  }

  /** Whether there is output to search in. */
  set offered(offered: boolean) {
    this.button.hidden = !offered;
    if (!offered) this.form.hidden = true;
  }

  open(): void {
    this.form.hidden = false;
    this.button.ariaExpanded = "true";
    this.field.select();
    this.field.focus();
  }

  private close(): void {
    this.form.hidden = true;
    this.button.ariaExpanded = "false";
    this.note.textContent = "";
    this.button.focus();
  }

  private find(before: boolean): void {
    const found = this.field.value === "" || this.terminal()?.find(this.field.value, before);
    this.note.textContent = found ? "" : "Not found";
  }
}
