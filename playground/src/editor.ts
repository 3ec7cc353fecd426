/** The code editor: CodeMirror with extensions for programming and the colours of the page. */

import {
  acceptCompletion,
  autocompletion,
  closeBrackets,
  closeBracketsKeymap,
  closeCompletion,
  completeAnyWord,
  moveCompletionSelection,
  startCompletion,
  type CompletionContext,
  type CompletionResult,
} from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import {
  HighlightStyle,
  bracketMatching,
  indentOnInput,
  indentUnit,
  syntaxHighlighting,
} from "@codemirror/language";
import { search, searchKeymap } from "@codemirror/search";
import { Compartment, EditorState } from "@codemirror/state";
import {
  EditorView,
  drawSelection,
  highlightActiveLine,
  highlightActiveLineGutter,
  highlightSpecialChars,
  keymap,
  lineNumbers,
} from "@codemirror/view";
import { tags } from "@lezer/highlight";

import { highlighting } from "./languages";

const COLOURS = HighlightStyle.define([
  { tag: [tags.keyword, tags.modifier, tags.operatorKeyword], color: "var(--code-keyword)" },
  { tag: [tags.string, tags.special(tags.string), tags.regexp], color: "var(--code-string)" },
  { tag: [tags.number, tags.bool, tags.null, tags.atom], color: "var(--code-number)" },
  { tag: [tags.comment, tags.meta], color: "var(--code-comment)" },
  { tag: [tags.typeName, tags.className, tags.namespace], color: "var(--code-type)" },
  {
    tag: [tags.function(tags.variableName), tags.function(tags.propertyName), tags.macroName],
    color: "var(--code-function)",
  },
  { tag: [tags.definition(tags.variableName), tags.propertyName], color: "var(--code-name)" },
  { tag: tags.standard(tags.variableName), color: "var(--code-function)" },
  { tag: tags.invalid, color: "var(--bad)" },
]);

// Enter stays the end of a line, which a popup must not turn into another word.
const COMPLETION_KEYS = [
  { key: "Ctrl-Space", run: startCompletion },
  { key: "Escape", run: closeCompletion },
  { key: "ArrowDown", run: moveCompletionSelection(true) },
  { key: "ArrowUp", run: moveCompletionSelection(false) },
  { key: "PageDown", run: moveCompletionSelection(true, "page") },
  { key: "PageUp", run: moveCompletionSelection(false, "page") },
  { key: "Tab", run: acceptCompletion },
];

/** Offers the words of the file, where the language has no completion of its own, which has them, too. */
function completeWord(context: CompletionContext): CompletionResult | Promise<CompletionResult | null> | null {
  const sources = context.state.languageDataAt("autocomplete", context.pos);
  return sources.length > 1 ? null : completeAnyWord(context);
}

export class Editor {
  onChange: () => void = () => {};

  private readonly language = new Compartment();
  private readonly label = new Compartment();
  private readonly view: EditorView;
  private turn = 0;

  /** `nonce` is the style nonce of the Content-Security-Policy. */
  constructor(parent: HTMLElement, private readonly nonce: string) {
    this.view = new EditorView({ parent, state: this.newState("") });
  }

  /** Creates the editor state of a file, with its own undo history. */
  newState(text: string, readOnly = false): EditorState {
    return EditorState.create({
      doc: text,
      extensions: [
        EditorView.cspNonce.of(this.nonce),
        lineNumbers(),
        highlightActiveLine(),
        highlightActiveLineGutter(),
        highlightSpecialChars(),
        history(),
        drawSelection(),
        EditorState.allowMultipleSelections.of(true),
        indentOnInput(),
        indentUnit.of("    "),
        bracketMatching(),
        closeBrackets(),
        syntaxHighlighting(COLOURS),
        EditorState.readOnly.of(readOnly),
        search({ top: true }),
        autocompletion({ defaultKeymap: false, icons: false, interactionDelay: 0 }),
        EditorState.languageData.of(() => [{ autocomplete: completeWord }]),
        keymap.of(COMPLETION_KEYS),
        keymap.of([...closeBracketsKeymap, ...searchKeymap, ...defaultKeymap, ...historyKeymap, indentWithTab]),
        EditorView.updateListener.of((update) => update.docChanged && this.onChange()),
        this.language.of([]),
        this.label.of([]),
      ],
    });
  }

  get state(): EditorState {
    return this.view.state;
  }

  /** Shows a file with the syntax highlighting of a language. */
  async show(state: EditorState, name: string, language: string): Promise<void> {
    // Ends the search for completions, which would be shown at their place in the other file.
    this.view.dispatch({ selection: this.view.state.selection });
    this.view.setState(state);
    this.setName(name);
    const turn = ++this.turn;
    const loaded = await highlighting(language);
    // Another file may have been shown meanwhile.
    if (turn === this.turn) this.view.dispatch({ effects: this.language.reconfigure(loaded) });
  }

  focus(): void {
    this.view.focus();
  }

  /** Selects a line, from 1 on, or the last one. */
  goTo(number: number): void {
    const line = this.view.state.doc.line(Math.max(1, Math.min(number, this.view.state.doc.lines)));
    this.view.dispatch({
      selection: { anchor: line.from, head: line.to },
      effects: EditorView.scrollIntoView(line.from, { y: "center" }),
    });
    this.view.focus();
  }

  /** Sets the accessible name of the editor. */
  setName(name: string): void {
    const attributes = EditorView.contentAttributes.of({
      "aria-label": `Text of ${name}`,
      "aria-describedby": "editor-hint",
      tabindex: "0", // it has its place in the order anyway, which axe-core does not see
    });
    this.view.dispatch({ effects: this.label.reconfigure(attributes) });
  }
}
