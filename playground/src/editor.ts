/** The code editor: CodeMirror with extensions for programming and the colours of the page. */

import { closeBrackets, closeBracketsKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import {
  HighlightStyle,
  bracketMatching,
  indentOnInput,
  indentUnit,
  syntaxHighlighting,
} from "@codemirror/language";
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
  newState(text: string): EditorState {
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
        keymap.of([...closeBracketsKeymap, ...defaultKeymap, ...historyKeymap, indentWithTab]),
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
    this.view.setState(state);
    this.setName(name);
    const turn = ++this.turn;
    const loaded = await highlighting(language);
    // Another file may have been shown meanwhile.
    if (turn === this.turn) this.view.dispatch({ effects: this.language.reconfigure(loaded) });
  }

  /** Sets the accessible name of the editor. */
  setName(name: string): void {
    const attributes = EditorView.contentAttributes.of({
      "aria-label": `Text of ${name}`,
      "aria-describedby": "editor-hint",
    });
    this.view.dispatch({ effects: this.label.reconfigure(attributes) });
  }
}
