/**
 * PDFKit's document, collected as one piece. PDFKit turns each operator and each line of an object into an array of bytes of its own and
 * sends it through a stream; here a page's operators, and the lines between two streams of the file, stay text until they are complete. The
 * bytes are the same.
 */
import PDFDocument from 'pdfkit';

export class CollectedDocument extends PDFDocument {
  // PDFKit's constructor calls the methods below before these would be initialised.
  declare private operators?: Map<PDFKit.PDFPage, string[]>;
  declare private written?: Uint8Array[];
  declare private lines?: string[];
  /** PDFKit's count of bytes, which becomes the table of the objects' places. */
  declare private _offset: number;

  override addContent(data: string): this {
    this.operators ??= new Map();
    const { page } = this;
    const operators = this.operators.get(page);
    if (operators) operators.push(data);
    else this.operators.set(page, [data]);
    return this;
  }

  override flushPages(): void {
    for (const [page, operators] of this.operators ?? []) page.write(Buffer.from(`${operators.join('\n')}\n`, 'latin1'));
    this.operators?.clear();
    super.flushPages();
  }

  _write(data: string | Uint8Array): void {
    this.lines ??= [];
    if (typeof data === 'string') {
      this.lines.push(data);
      this._offset += data.length + 1;
    } else {
      this.#endLines();
      this.written?.push(data);
      this._offset += data.length;
    }
  }

  /** Ends the document and gives its bytes. */
  bytes(): Uint8Array<ArrayBuffer> {
    this.end();
    this.#endLines();
    return Uint8Array.from(Buffer.concat(this.written ?? []));
  }

  #endLines(): void {
    this.written ??= [];
    if (this.lines && this.lines.length > 0) this.written.push(Buffer.from(`${this.lines.join('\n')}\n`, 'latin1'));
    this.lines = [];
  }
}
