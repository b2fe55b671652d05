/**
 * A peer: the same reports by PDFKit as its guide shows it, on one thread, each document opening its fonts by their paths. Everything else
 * is reporting's own drawing, so only the fonts and the threads differ.
 */
import { createRequire } from 'node:module';
import PDFDocument from 'pdfkit';
import { renderReport } from '../../../services/reporting/src/pdf/render.ts';
import { servePdfSlices } from '../pdf/program.ts';

const { resolve } = createRequire(import.meta.url);
const folder = '@expo-google-fonts/roboto';
const paths: Readonly<Record<string, string>> = {
  regular: resolve(`${folder}/400Regular/Roboto_400Regular.ttf`),
  medium: resolve(`${folder}/500Medium/Roboto_500Medium.ttf`),
  bold: resolve(`${folder}/700Bold/Roboto_700Bold.ttf`),
};

let registered = 0;
const prototype: PDFKit.PDFDocument = PDFDocument.prototype;
// oxlint-disable-next-line typescript/unbound-method
const { registerFont } = prototype;
// Reporting registers opened fonts; here each document opens them anew.
prototype.registerFont = function byPath(this: PDFKit.PDFDocument, name: string): PDFKit.PDFDocument {
  const path = paths[name];
  if (path === undefined) throw new Error(`there is no font file for ${name}`);
  registered += 1;
  return registerFont.call(this, name, path);
};

servePdfSlices({
  concurrency: 1,
  render: async (report) => {
    const before = registered;
    const rendered = await renderReport(report);
    if (registered === before) throw new Error('the report did not register its fonts: this peer no longer measures what it says');
    return rendered;
  },
});
