/** Breaks text into lines of a width, where Unicode lets a line end; a word longer than a line is torn. */
import LineBreaker from 'linebreak';
import { keeping, type Typeface } from './typeface.ts';

/** Widths are in thousandths of the type size. */
export function createBreaker(typeface: Typeface): (text: string, width: number) => readonly string[] {
  const characterWidth = keeping(5000, (character: string) => typeface.widthOf(character));

  function fitting(word: string, width: number): string {
    let used = 0;
    let fits = '';
    for (const character of word) {
      used += characterWidth(character);
      if (used > width && fits !== '') break;
      fits += character;
    }
    return fits;
  }

  return (text, width) => {
    const lines: string[] = [];
    let line = '';
    let room = width;
    const end = () => {
      lines.push(line.trimEnd());
      line = '';
      room = width;
    };
    const breaker = new LineBreaker(text);
    let from = 0;
    for (let next = breaker.nextBreak(); next; next = breaker.nextBreak()) {
      let word = text.slice(from, next.position).replace(/[\r\n]+$/, '');
      const isLineEnd = next.required && next.position < text.length;
      from = next.position;
      // A space at a line's end takes no room.
      if (line !== '' && typeface.widthOf(word.trimEnd()) > room) end();
      while (typeface.widthOf(word.trimEnd()) > width) {
        const part = fitting(word, width);
        if (part === word) break;
        line = part;
        end();
        word = word.slice(part.length);
      }
      line += word;
      room -= typeface.widthOf(word);
      if (isLineEnd) end();
    }
    if (line !== '' || lines.length === 0) end();
    return lines;
  };
}
