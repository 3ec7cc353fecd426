/** The API token, kept in `sessionStorage` until the tab is closed. */

import { element } from "./page";
import { load, save } from "./storage";

const KEY = "token";

export class Token {
  value = load("sessionStorage", KEY);
  onGiven: () => void = () => {};

  private readonly button = element("token-button", HTMLButtonElement);
  private readonly form = element("token-form", HTMLFormElement);
  private readonly field = element("token", HTMLInputElement);
  private readonly note = element("token-note", HTMLElement);
  private readonly purpose = this.note.textContent ?? "";

  constructor() {
    this.button.addEventListener("click", () => (this.form.hidden ? this.ask() : this.hide()));
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.value = this.field.value.trim();
      save("sessionStorage", KEY, this.value);
      this.hide();
      this.onGiven();
    });
    this.form.addEventListener("keydown", (event) => event.key === "Escape" && this.hide());
  }

  set wanted(wanted: boolean) {
    this.button.hidden = !wanted;
  }

  /** Shows the field, in sight, with the problem that it is for. */
  ask(problem = ""): void {
    this.button.hidden = false;
    this.form.hidden = false;
    this.button.ariaExpanded = "true";
    this.note.textContent = problem || this.purpose;
    this.field.value = this.value;
    this.field.select();
    this.field.focus();
    // select() has focused it already, in its place.
    this.form.scrollIntoView({ block: "nearest" });
  }

  private hide(): void {
    this.form.hidden = true;
    this.button.ariaExpanded = "false";
    this.button.focus();
  }
}
