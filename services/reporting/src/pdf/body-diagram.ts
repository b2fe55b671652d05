/** The body unfolded, each panel coloured by its class and marked by a letter, with the median in µm; the legend beside it. */
import { paintClassOrder, type PaintClass, type ThicknessAssessment } from '../thickness.ts';
import { expectedZones, zoneTitle, type VehicleType, type Zone } from '../thickness-zones.ts';
import { bodyOf, bumperEnds, sideDetails, type Body, type Shape } from './body-shapes.ts';
import type { Sheet } from './sheet.ts';
import { color, paintLook, size } from './theme.ts';

const GAP = 15;
const HALF_WIDTH = 54;
const LEGEND_WIDTH = 112;
const MAX_HEIGHT = 345;
/** Rather than leave half a page empty, the diagram is drawn this much smaller. */
const MIN_SHARE = 0.76;

type Look = { fill: string; ink: string; letter: string; number?: string; dashed: boolean };
const UNMEASURED: Look = { fill: '#FFFFFF', ink: color.faint, letter: '—', dashed: true };
/** Pillars are measured on few cars: elsewhere they are mere scenery. */
const SCENERY: Look = { fill: '#E3E8EC', ink: color.muted, letter: '', dashed: false };
const PLASTIC: Look = { fill: '#ECEEF1', ink: color.muted, letter: 'П', dashed: true };

function mirrored(zone: Zone): Zone {
  return zone.replace(/_left$/, '_right') as Zone;
}

/** Draws the diagram at the cursor; needs `diagramHeight` points of room. */
export function drawBodyDiagram(
  sheet: Sheet,
  { vehicleType, assessment }: { vehicleType: VehicleType; assessment: ThicknessAssessment },
): void {
  const { doc } = sheet;
  const panels = new Map(assessment.panels.map((panel) => [panel.zone, panel]));
  const body = bodyFor(vehicleType, assessment);
  const full = largest(sheet, body);
  sheet.ensure(full.height * MIN_SHARE);
  const height = Math.min(full.height, sheet.room);
  const scale = (full.scale * height) / full.height;
  const left = sheet.left + 4;
  const { y } = sheet;
  const axis = y + (body.sideHeight + GAP + HALF_WIDTH) * scale;
  const rightEdge = axis - (HALF_WIDTH + GAP) * scale;
  const leftEdge = axis + (HALF_WIDTH + GAP) * scale;

  const expected = expectedZones(vehicleType);
  const lookOf = (zone: Zone): Look => {
    const panel = panels.get(zone);
    if (!panel && !expected.has(zone)) return SCENERY;
    if (!panel) return zone.startsWith('bumper') ? PLASTIC : UNMEASURED;
    const { fill, ink, letter } = paintLook[panel.paintClass];
    return { fill, ink, letter, number: String(Math.round(panel.paintClass === 'factory' ? panel.medianUm : panel.maxUm)), dashed: false };
  };
  const fillShape = (path: string, { fill, dashed }: Look) => {
    doc.lineWidth(0.9).path(path);
    if (dashed) doc.dash(2.5, { space: 2 });
    doc.fillAndStroke(fill, dashed ? color.faint : color.muted);
    doc.undash();
  };
  const view = (originY: number, flip: 1 | -1, draw: () => void) => {
    doc.save();
    doc.translate(left, originY).scale(scale, scale * flip);
    draw();
    doc.restore();
  };
  const glass = (path: string) => doc.lineWidth(0.7).path(path).fillAndStroke('#EDF3F7', color.faint);
  const ends = bumperEnds(vehicleType);
  const sides = [
    { originY: leftEdge, flip: 1 as const, zoneOf: (zone: Zone) => zone },
    { originY: rightEdge, flip: -1 as const, zoneOf: mirrored },
  ];

  const draw = () => {
    view(axis, 1, () => {
      body.topGlass.forEach(glass);
      for (const { zone, path } of body.top) fillShape(path, lookOf(zone));
    });
    for (const { originY, flip, zoneOf } of sides) {
      view(originY, flip, () => {
        body.sideGlass.forEach(glass);
        fillShape(ends.front, lookOf('bumper_front'));
        fillShape(ends.rear, lookOf('bumper_rear'));
        for (const { zone, path } of body.side) fillShape(path, lookOf(zoneOf(zone)));
        for (const path of sideDetails(vehicleType)) doc.lineWidth(0.6).path(path).fillAndStroke('#F7F9FA', color.faint);
        for (const { x, y: wheelY, radius } of body.wheels) {
          doc
            .lineWidth(1)
            .circle(x, wheelY, radius - 1)
            .fillAndStroke('#D8DDE2', color.muted)
            .circle(x, wheelY, radius * 0.55)
            .fillAndStroke('#F4F6F8', color.faint);
        }
      });
    }
    const label = (shape: Shape, look: Look, originY: number, flip: 1 | -1) => {
      const x = left + shape.at[0] * scale;
      const labelY = originY + shape.at[1] * scale * flip;
      const style = { font: 'bold' as const, size: shape.tight ? 6.8 : 10, color: look.ink, align: 'center' as const, lineGap: 0 };
      if (look.letter === '') return;
      if (shape.tight || look.number === undefined)
        sheet.place({ text: look.letter, x: x - 20, y: labelY - style.size * 0.62, width: 40, style });
      else if (shape.low) {
        // Two sizes on one line: «З» and «О» must not be read as digits of the number.
        const numberStyle = { font: 'medium' as const, size: 7.5, color: look.ink, lineGap: 0 };
        const letterWidth = sheet.widthOf(look.letter, style);
        const start = x - (letterWidth + 3 + sheet.widthOf(look.number, numberStyle)) / 2;
        sheet.place({ text: look.letter, x: start, y: labelY - 6, width: 20, style: { ...style, align: 'left' } });
        sheet.place({ text: look.number, x: start + letterWidth + 3, y: labelY - 3.7, width: 40, style: numberStyle });
      } else {
        sheet.place({ text: look.letter, x: x - 20, y: labelY - 10.5, width: 40, style });
        sheet.place({ text: look.number, x: x - 20, y: labelY + 0.5, width: 40, style: { ...style, font: 'medium', size: 7.5 } });
      }
    };
    for (const shape of body.top) label(shape, lookOf(shape.zone), axis, 1);
    for (const { originY, flip, zoneOf } of sides) for (const shape of body.side) label(shape, lookOf(zoneOf(shape.zone)), originY, flip);
    const caption = { size: size.tiny, color: color.muted };
    // Beside the windscreens, above the bonnets, the side views leave room.
    sheet.place({ text: 'правая сторона', x: left, y: rightEdge - 17, width: 100, style: caption });
    sheet.place({ text: 'левая сторона', x: left, y: leftEdge + 7, width: 100, style: caption });
    doc
      .polygon(
        [left, rightEdge + GAP * scale * 0.55],
        [left + 6, rightEdge + GAP * scale * 0.55 - 3.5],
        [left + 6, rightEdge + GAP * scale * 0.55 + 3.5],
      )
      .fill(color.muted);
    sheet.place({ text: 'перед', x: left + 9, y: rightEdge + GAP * scale * 0.55 - 4.5, width: 60, style: caption });
  };
  sheet.leaf('Figure', draw, { alt: alternative(vehicleType, assessment) });
  drawLegend(sheet, { x: sheet.left + sheet.width - LEGEND_WIDTH, y: y + 14, assessment });
  sheet.y = y + height + 4;
}

function largest(sheet: Sheet, { length, sideHeight }: Body): { scale: number; height: number } {
  const units = 2 * (sideHeight + GAP + HALF_WIDTH);
  const scale = Math.min((sheet.width - LEGEND_WIDTH - 20) / length, MAX_HEIGHT / units);
  return { scale, height: units * scale };
}

function bodyFor(vehicleType: VehicleType, { panels }: ThicknessAssessment): Body {
  return bodyOf(vehicleType, { splitRoof: vehicleType === 'minivan' || panels.some(({ zone }) => zone === 'roof_rear') });
}

/** The least height that the diagram needs below its heading. */
export function diagramHeight(sheet: Sheet, vehicleType: VehicleType, assessment: ThicknessAssessment): number {
  return largest(sheet, bodyFor(vehicleType, assessment)).height * MIN_SHARE;
}

/** What a screen reader says instead of the picture. */
function alternative(vehicleType: VehicleType, { panels, notMeasured }: ThicknessAssessment): string {
  const said = panels.map(
    ({ zone, paintClass, medianUm }) =>
      `${zoneTitle(zone, vehicleType)}: ${paintLook[paintClass].word}, медиана ${Math.round(medianUm)} мкм`,
  );
  return `Схема кузова. ${[...said, ...notMeasured.map(({ title }) => `${title}: не измерялось`)].join('. ')}.`;
}

function drawLegend(sheet: Sheet, { x, y, assessment }: { x: number; y: number; assessment: ThicknessAssessment }): void {
  const count = (paintClass: PaintClass) => assessment.panels.filter((panel) => panel.paintClass === paintClass).length;
  const entries = [
    ...paintClassOrder.map((paintClass) => ({
      ...paintLook[paintClass],
      note: `${paintLook[paintClass].note}; панелей: ${count(paintClass)}`,
      dashed: false,
    })),
    { ...PLASTIC, word: 'пластик', note: 'не измеряется' },
    { ...UNMEASURED, word: 'не измерялось', note: 'данных нет' },
  ];
  sheet.artifact(() =>
    entries.forEach(({ fill, dashed }, index) => {
      sheet.doc.lineWidth(0.8).roundedRect(x, y + index * 31, 17, 17, 2);
      if (dashed) sheet.doc.dash(2.5, { space: 2 });
      sheet.doc.fillAndStroke(fill, color.muted).undash();
    }),
  );
  entries.forEach(({ letter, ink, word, note }, index) => {
    const top = y + index * 31;
    sheet.leaf('P', () => {
      sheet.place({
        text: letter,
        x,
        y: top + 2.7,
        width: 17,
        style: { font: 'bold', size: 9.5, color: ink, align: 'center', lineGap: 0 },
      });
      sheet.place({ text: word, x: x + 23, y: top - 1, width: LEGEND_WIDTH - 23, style: { font: 'medium', size: size.small, lineGap: 0 } });
      sheet.place({ text: note, x: x + 23, y: top + 9.5, width: LEGEND_WIDTH - 23, style: { size: 6.5, color: color.muted, lineGap: 0 } });
    });
  });
}
