/** The files of a program as tabs, which can be selected, added, renamed and closed. */

import type { EditorState } from "@codemirror/state";

import type { Editor } from "./editor";
import type { SourceFile } from "./program";

interface Tab {
  name: string;
  state: EditorState;
}

export class Files {
  onChange: () => void = () => {};

  private tabs: Tab[] = [];
  private shown = 0;
  private language = "";

  constructor(
    private readonly list: HTMLElement,
    add: HTMLButtonElement,
    private readonly editor: Editor,
  ) {
    editor.onChange = () => this.onChange();
    add.addEventListener("click", () => this.add());
  }

  get all(): SourceFile[] {
    this.keep();
    return this.tabs.map(({ name, state }) => ({ name, content: state.doc.toString() }));
  }

  open(files: SourceFile[], language: string): void {
    this.language = language;
    this.tabs = files.map(({ name, content }) => ({ name, state: this.editor.newState(content) }));
    this.shown = 0;
    this.show(0);
  }

  private add(): void {
    const ending = this.tabs[0]?.name.match(/\.[^.]*$/)?.[0] ?? "";
    this.tabs.push({ name: this.unusedName(`file${this.tabs.length + 1}`, ending), state: this.editor.newState("") });
    this.keep();
    this.show(this.tabs.length - 1);
    this.onChange();
    this.rename(this.shown);
  }

  private close(index: number): void {
    this.keep();
    this.tabs.splice(index, 1);
    this.show(Math.min(this.shown > index ? this.shown - 1 : this.shown, this.tabs.length - 1));
    this.onChange();
    this.tabButton(this.shown)?.focus();
  }

  private show(index: number): void {
    this.shown = index;
    const tab = this.tabs[index];
    if (tab) void this.editor.show(tab.state, tab.name, this.language);
    this.draw();
  }

  /** Stores the editor state in its tab, before another file is shown or all files are read. */
  private keep(): void {
    const tab = this.tabs[this.shown];
    if (tab) tab.state = this.editor.state;
  }

  private rename(index: number): void {
    const tab = this.tabs[index];
    const button = this.tabButton(index);
    if (!tab || !button) return;
    const field = document.createElement("input");
    field.className = "tab-name";
    field.value = tab.name;
    field.ariaLabel = "Name of the file";
    field.spellcheck = false;
    field.autocapitalize = "off";
    button.replaceWith(field);
    field.focus();
    field.setSelectionRange(0, tab.name.lastIndexOf(".") > 0 ? tab.name.lastIndexOf(".") : tab.name.length);

    let done = false;
    const finish = (name: string, focus: boolean) => {
      if (done) return;
      done = true;
      const isFree = this.tabs.every((other) => other === tab || other.name !== name);
      if (name && isFree) {
        tab.name = name;
        if (index === this.shown) this.editor.setName(name);
        this.onChange();
      }
      this.draw();
      if (focus) this.tabButton(index)?.focus();
    };
    field.addEventListener("blur", () => finish(field.value.trim(), false));
    field.addEventListener("keydown", (event) => {
      if (event.key === "Enter") finish(field.value.trim(), true);
      else if (event.key === "Escape") finish(tab.name, true);
      else return;
      event.preventDefault();
    });
  }

  private unusedName(stem: string, ending: string): string {
    const taken = new Set(this.tabs.map((tab) => tab.name));
    let name = stem + ending;
    for (let number = 2; taken.has(name); number++) name = `${stem}-${number}${ending}`;
    return name;
  }

  private tabButton(index: number): HTMLButtonElement | null {
    return this.list.querySelectorAll<HTMLButtonElement>(".tab")[index] ?? null;
  }

  private draw(): void {
    this.list.replaceChildren(
      ...this.tabs.map((tab, index) => {
        const item = document.createElement("li");
        item.append(this.drawTab(tab, index));
        if (this.tabs.length > 1) item.append(this.drawClose(tab, index));
        return item;
      }),
    );
  }

  private drawTab(tab: Tab, index: number): HTMLButtonElement {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "tab";
    button.textContent = tab.name;
    const isShown = index === this.shown;
    if (isShown) button.ariaCurrent = "true";
    button.title = isShown ? "Rename" : index === 0 ? "The file that runs" : "";
    button.addEventListener("click", () => {
      if (index === this.shown) return this.rename(index);
      this.keep();
      this.show(index);
      this.tabButton(index)?.focus();
    });
    button.addEventListener("keydown", (event) => {
      if (event.key === "F2") this.rename(index);
      else if (event.key === "Delete" && this.tabs.length > 1) this.close(index);
    });
    return button;
  }

  private drawClose(tab: Tab, index: number): HTMLButtonElement {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "tab-close";
    button.ariaLabel = button.title = `Close ${tab.name}`;
    button.textContent = "×";
    button.addEventListener("click", () => this.close(index));
    return button;
  }
}
