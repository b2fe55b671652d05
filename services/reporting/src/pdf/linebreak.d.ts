/** The part of the linebreak package that is used: where Unicode (UAX #14) lets a line end. */
declare module 'linebreak' {
  export default class LineBreaker {
    constructor(text: string);
    /** The next place a line may end at, in UTF-16 units; `required` after a line feed and at the text's end. Null after the last one. */
    nextBreak(): { position: number; required: boolean } | null;
  }
}
