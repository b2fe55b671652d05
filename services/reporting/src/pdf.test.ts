import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inflateSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import { validateDiagnostics, type DiagnosticsData, type LookUpDtc } from './diagnostics.ts';
import { dataDigest } from './pdf/authenticity.ts';
import { bodyOf } from './pdf/body-shapes.ts';
import { openFonts, printable } from './pdf/fonts.ts';
import { renderReport } from './pdf/render.ts';
import { templateVersion, type DiagnosticsDocument, type ReportDocument, type ThicknessDocument } from './pdf/report-document.ts';
import { formatDuration, formatMoscow, formatNumber, formatQuantity } from './pdf/typography.ts';
import { validateThickness, type ThicknessData } from './thickness.ts';
import { expectedZones, vehicleTypeTitles, zoneNames, type VehicleType } from './thickness-zones.ts';

/** The bytes of a report follow its dictionary too, so golden bytes need one that never changes. */
const dictionary: LookUpDtc = (code) => ({
  code,
  origin: 'generic',
  meaning: `Значение кода ${code}`,
  severity: code.startsWith('P03') ? 'high' : 'medium',
  causes: ['первая причина', 'вторая причина'],
  advice: 'Проверить узел.',
});
const createdAt = Date.UTC(2026, 10, 20, 9, 43, 5);
const base = {
  reportId: 'rep_01JCZ8V5T2Q4W9K7M3N6P0R1SX',
  sessionId: 'ses_01JCZ8TT1A2B3C4D5E6F7G8H9J',
  createdAt,
  brand: { name: 'АвтоТест', phone: '+7 800 000-00-00', site: 'kiosk.example' },
  checkUrl: 'https://kiosk.example/r/3fK9sQ7xB2',
};

function sampleData(name: string): Record<string, unknown> & { timestamp: number } {
  const { data } = JSON.parse(readFileSync(new URL(`../../../docs/samples/${name}.json`, import.meta.url), 'utf8')) as {
    data: Record<string, string>;
  };
  const { sessionId: _, timestamp = '', clearedAt, ...rest } = data;
  return { ...rest, timestamp: Date.parse(timestamp), clearedAt: clearedAt === undefined ? undefined : Date.parse(clearedAt) };
}
function diagnostics(data: DiagnosticsData): DiagnosticsDocument {
  return { ...base, kind: 'diagnostics', data: validateDiagnostics(data) };
}
function thickness(data: ThicknessData): ThicknessDocument {
  return { ...base, kind: 'thickness', data: validateThickness(data) };
}
function diagnosticsSample(name: string): DiagnosticsDocument {
  return diagnostics(sampleData(name) as unknown as DiagnosticsData);
}
function thicknessSample(name: string): ThicknessDocument {
  const data = sampleData(name) as unknown as Omit<ThicknessData, 'measurements'> & {
    measurements: Array<{ zone: string; value: number; point: number }>;
  };
  return thickness({ ...data, measurements: data.measurements.map(({ zone, value, point }) => ({ zone, valueUm: value, point })) });
}
const granta = () => diagnosticsSample('diagnostics-granta');
const sha256 = (bytes: Uint8Array | string) => createHash('sha256').update(bytes).digest('hex');

/** A file's objects with their streams unpacked: zlib packs the same content differently from one version or processor to another. */
function unpacked(bytes: Uint8Array): string {
  const file = Buffer.from(bytes).toString('latin1');
  return file
    .slice(0, file.lastIndexOf('\nxref'))
    .replace(/\/Length \d+/g, '/Length')
    .replace(
      /(\/FlateDecode[^>]*>>\s*stream\n)([^]*?)(\nendstream)/g,
      (_, head: string, packed: string, tail: string) => head + inflateSync(Buffer.from(packed, 'latin1')).toString('latin1') + tail,
    );
}

function codes(count: number): DiagnosticsData['dtcCodes'] {
  return Array.from({ length: count }, (_, index) => ({
    code: `P0${(0x100 + index).toString(16).toUpperCase()}`,
    status: (['stored', 'pending', 'permanent'] as const)[index % 3],
  }));
}

function withCodes(count: number): DiagnosticsDocument {
  return diagnostics({ ...granta().data, dtcCodes: codes(count) });
}

/** Every usual panel four times, one of them painted, one filled, one repaired for good. */
function measured(vehicleType: VehicleType): ThicknessDocument {
  const odd: Readonly<Record<string, number>> = { hood: 230, rear_quarter_left: 640, trunk: 1300 };
  const measurements = [...expectedZones(vehicleType)].flatMap((zone, panel) =>
    [1, 2, 3, 4].map((point) => ({ zone, point, valueUm: (odd[zone] ?? 108) + ((panel * 5 + point * 7) % 17) })),
  );
  return thickness({ vehicleType, measurements, timestamp: createdAt });
}

/** A checker of the file's structure that is not ours; loudly nothing where qpdf is not installed. */
function checkWithQpdf(bytes: Uint8Array): void {
  if (spawnSync('qpdf', ['--version']).error) {
    console.warn('SKIPPED: qpdf is not installed (apt-get install qpdf); the structure of the PDFs was not checked');
    return;
  }
  const folder = mkdtempSync(join(tmpdir(), 'report-'));
  try {
    writeFileSync(join(folder, 'report.pdf'), bytes);
    expect(execFileSync('qpdf', ['--check', join(folder, 'report.pdf')], { encoding: 'utf8' })).toContain('No syntax or stream encoding errors found');
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Gives what a reader extracts from the file, or undefined, loudly, where poppler is not installed. */
function textOf(bytes: Uint8Array): string | undefined {
  if (spawnSync('pdftotext', ['-v']).error) {
    console.warn('SKIPPED: pdftotext is not installed (apt-get install poppler-utils); the text of the PDFs was not read');
    return undefined;
  }
  const folder = mkdtempSync(join(tmpdir(), 'report-'));
  try {
    writeFileSync(join(folder, 'report.pdf'), bytes);
    return execFileSync('pdftotext', [join(folder, 'report.pdf'), '-'], { encoding: 'utf8' }).replace(/\s+/g, ' ');
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe('the file', () => {
  // A change of the template changes these: look at the pages, raise templateVersion, then take the new hashes.
  test.each<[string, ReportDocument, number, string]>([
    ['of the Granta', granta(), 2, '072fe7e7ae18755d15cb8a4528c67966029fb3afe619d88158b942a2e9cf8fc4'],
    ['of the Camry', diagnosticsSample('diagnostics-camry-clean'), 1, '25b89fa384cf0075dcea304ad0bd417c27283dae769282786fbafb008300a6f6'],
    ['of the Solaris', thicknessSample('thickness-solaris'), 2, 'ec4a343793079c89c6895d80165cea214fe058990bb14e88cfe0965160a7d900'],
    ['of the Dokker', thicknessSample('thickness-dokker-thick-factory'), 3, '7f888019ad885818711a52d7d805cd86afa24dac02cf5e744556920c3f823ab3'],
    ['with no code', withCodes(0), 2, '890256d13c1b32ae480f043f2f2db86098379fbfc08ae5b98487010f681a28bb'],
    ['with one code', withCodes(1), 2, '8247e7a7d1f0e5a6e7006850f9df36c74e6b7b9af4ce14c77c6566c445597a01'],
    ['with 20 codes', withCodes(20), 3, 'f1eabc5008a4001ba38d7f0ad8102d8506e99a77d08d7596db096b8b8162b3ea'],
    ['with 200 codes', withCodes(200), 15, 'e5f5dcda3a8d6a7a373e2afcb116ce6f4a82e0771ff353c1fd6e2c9aa04039e1'],
    ['of a sedan', measured('sedan'), 3, '6fe817e731b68c46285a0e858b3464541867790845084f6d3c8e9d4b9a29e8c4'],
    ['of a hatchback', measured('hatchback'), 3, 'ee05467c8c3b7e872da9b282bdd047362f721837ee2df7dfb7912b49cee33df6'],
    ['of a wagon', measured('wagon'), 3, '3a9ffd3d37d78400e5fedccc7651bb3cca31d71b69dfcb2656d87707b890764b'],
    ['of a coupe', measured('coupe'), 3, 'e26527938492467eb4239346a642e43099cc44c1ab7c15ae03feb21d5bf8483b'],
    ['of an SUV', measured('suv'), 3, '1baf7b603fa7b3be96b59a1c8f6386e445e86303c48e06e06c851eb448432804'],
    ['of a minivan', measured('minivan'), 3, 'cff9f7b11fed0b5476d2ab53927163d09170565db236efa862ed88ffdcba2341'],
    ['with signs outside the usual letters', diagnostics({ ...granta().data, vehicleModel: 'Škoda Ωmega ∆ ї 1̂ й' }), 2, 'b0e80142f0926a22d72b105f7c146cff892b2a8d7a87a74b12b57c419eba5684'],
  ])('D8 the report %s is the same as ever for this template version', (_, document, pages, golden) => {
    const report = renderReport(document, dictionary);
    expect({ templateVersion, pages: report.pages, sha256: sha256(unpacked(report.bytes)) }).toEqual({
      templateVersion: 3,
      pages,
      sha256: golden,
    });
    checkWithQpdf(report.bytes);
  });

  test('D8 has the same bytes each time', async () => {
    const [first, second] = [renderReport(granta(), dictionary), renderReport(granta(), dictionary)];
    expect(sha256(second.bytes)).toBe(sha256(first.bytes));
  });

  test('changes with the data, the number and the time', async () => {
    const document = granta();
    const variants = [
      document,
      { ...document, reportId: 'rep_2' },
      { ...document, createdAt: createdAt + 60_000 },
      { ...document, data: { ...document.data, mileageKm: 84_211 } },
    ];
    const hashes = await Promise.all(variants.map(async (variant) => sha256((renderReport(variant, dictionary)).bytes)));
    expect(new Set(hashes).size).toBe(variants.length);
  });

  test('is a tagged PDF 1.7 in Russian with a title and its own fonts only', async () => {
    const file = Buffer.from((renderReport(granta(), dictionary)).bytes).toString('latin1');
    expect(file.startsWith('%PDF-1.7')).toBe(true);
    expect(file).toContain('/Marked true');
    expect(file).toContain('/Lang (ru-RU)');
    expect(file).toContain('/DisplayDocTitle true');
    expect(file.match(/\/FontFile2/g)).toHaveLength(3);
    expect(file).not.toMatch(/\/Subtype \/Type1\b/);
  });
});

describe('pages', () => {
  test.each([
    [0, 2],
    [1, 2],
    [20, 4],
    [200, 18],
  ])('%i codes take about %i pages, none of them empty', async (count, atMost) => {
    const { pages, bytes } = renderReport(diagnostics({ ...granta().data, dtcCodes: codes(count) }), dictionary);
    expect(pages).toBeLessThanOrEqual(atMost);
    const text = textOf(bytes);
    if (text === undefined) return;
    for (const { code } of codes(count)) expect(text).toContain(code);
    for (let page = 1; page <= pages; page += 1) expect(text).toContain(`стр. ${page} из ${pages}`);
  });

  test.each(Object.keys(vehicleTypeTitles) as VehicleType[])('a %s measured in every zone is drawn', async (vehicleType) => {
    const measurements = Array.from({ length: 120 }, (_, index) => ({
      zone: zoneNames[index % zoneNames.length] ?? 'hood',
      valueUm: 100 + index * 3,
    }));
    const { pages, bytes } = renderReport(thickness({ vehicleType, measurements, timestamp: createdAt }), dictionary);
    expect(pages).toBeLessThanOrEqual(6);
    expect(textOf(bytes) ?? 'Заключение').toContain('Заключение');
  });

  test('the longest legal texts and every unprintable sign are drawn without failing', async () => {
    const long = 'Щ'.repeat(100);
    const data: DiagnosticsData = {
      vehicleMake: long,
      vehicleModel: `🚗漢字<b>${'W'.repeat(90)}`,
      vin: 'ZVW30-1234567',
      timestamp: createdAt,
      dtcCodes: codes(200).map((entry) => ({ ...entry, description: 'Ж'.repeat(300) })),
      monitors: Array.from({ length: 30 }, () => ({ name: long, ready: false })),
      parameters: Array.from({ length: 100 }, () => ({ name: long, value: -1e9, unit: '漢'.repeat(20) })),
    };
    const { pages, bytes } = renderReport(diagnostics(data), dictionary);
    expect(pages).toBeGreaterThan(30);
    expect(textOf(bytes)?.match(/стр\. \d+ из \d+/g)?.length ?? pages).toBe(pages);
  });
});

describe('the body diagram', () => {
  test.each(Object.keys(vehicleTypeTitles) as VehicleType[])(
    'of a %s has a shape for each zone of this body, and every shape is a real one',
    (vehicleType) => {
      const body = bodyOf(vehicleType, { splitRoof: vehicleType === 'minivan' });
      const shapes = [...body.top, ...body.side];
      const drawn = new Set(shapes.flatMap(({ zone }) => [zone, zone.replace(/_left$/, '_right')]));
      expect([...expectedZones(vehicleType)].filter((zone) => !drawn.has(zone))).toEqual([]);
      for (const { path, at } of shapes) {
        expect(path).toMatch(/^M[-\d. A-Z]+Z$/);
        expect(path).not.toContain('NaN');
        expect(at.every(Number.isFinite)).toBe(true);
      }
    },
  );
});

describe('the text', () => {
  test('of a diagnostics report reads as Russian, with every part of it', async () => {
    const document = granta();
    const text = textOf((renderReport(document, dictionary)).bytes);
    if (text === undefined) return;
    for (const part of [
      'Отчёт о компьютерной диагностике',
      'LADA Granta 1.6',
      'XTA219170K0321654',
      '84 210 км',
      '20.11.2026 12:41',
      'МСК, UTC+3',
      'Можно ли ехать',
      'Сохранённые коды: 2',
      'P0301',
      'Ожидающие коды: 1',
      'Постоянные коды: 1',
      'высокая важность',
      'Нет связи с блоком ABS',
      'Готовность самопроверок: 4 из 6',
      'Температура охлаждающей жидкости',
      '−10…10 %',
      '18,7 %',
      'Выводы и рекомендации',
      document.checkUrl,
      document.reportId,
      document.sessionId,
    ])
      expect(text).toContain(part);
    expect(text.replaceAll(' ', '')).toContain(dataDigest(document));
  });

  test('of a thickness report names repainted and filled panels, and what was not measured', async () => {
    const text = textOf((renderReport(thicknessSample('thickness-solaris'), dictionary)).bytes);
    if (text === undefined) return;
    for (const part of [
      '117 мкм',
      '±4 мкм',
      'Окрашено: переднее левое крыло',
      'Шпатлёвка: заднее правое крыло (до 1180 мкм)',
      'Подозрительные точки',
      'пластиковые',
    ])
      expect(text).toContain(part);
  });
});

describe('hostile text', () => {
  test.each([
    ['PDF operators', 'Camry) Tj ET Q (', 'Camry) Tj ET Q ('],
    ['markup', '<b>Rio</b> &amp;', '<b>Rio</b> &amp;'],
    ['emoji and hieroglyphs', 'Prius 🚗漢', 'Prius \uFFFD\uFFFD'],
    ['right-to-left letters', 'Rio \u05D0\u05D1', 'Rio \uFFFD\uFFFD'],
    ['combining marks', 'Cee\u0301d', 'Ceéd'],
  ])('%s are printed as they are, or as a replacement sign', (_, vehicleModel, printed) => {
    const { bytes } = renderReport(diagnostics({ ...granta().data, vehicleModel }), dictionary);
    checkWithQpdf(bytes);
    const text = textOf(bytes);
    if (text === undefined) return;
    expect(text.normalize('NFC')).toContain(printed.normalize('NFC'));
    expect(text).toContain('Выводы и рекомендации');
  });

  test.each([
    ['a control character', 'Rio\u0007'],
    ['a line end', 'Rio\nX'],
    ['a change of direction', 'Rio\u202E'],
    ['ten thousand characters', 'R'.repeat(10_000)],
  ])('%s never reaches the page', (_, vehicleModel) => {
    expect(() => diagnostics({ ...granta().data, vehicleModel })).toThrow('vehicleModel');
  });
});

describe('typography', () => {
  test('numbers, units and times are written as in Russian print', () => {
    const plain = (text: string) => text.replaceAll('\u00A0', '_');
    expect(plain(formatQuantity(84_210, 'км', 0))).toBe('84_210_км');
    expect(plain(formatNumber(1180))).toBe('1180');
    expect(plain(formatNumber(-0.001, 2))).toBe('0');
    expect(plain(formatQuantity(-18.75, '%'))).toBe('−18,75_%');
    expect(plain(formatMoscow(Date.UTC(2026, 10, 20, 22, 5)))).toBe('21.11.2026_01:05');
    expect(plain(formatDuration(48_200))).toBe('48_с');
    expect(plain(formatDuration(125_000))).toBe('2_мин 5_с');
  });

  test('what the font lacks is printed as one replacement sign', () => {
    expect(printable('Prius 👨‍👩‍👧 ✓', openFonts().regular)).toBe('Prius \uFFFD \uFFFD');
    expect(printable('₽ « » № µm мкм', openFonts().regular)).toBe('₽ « » № µm мкм');
  });
});

test('the digest depends on the data and not on the order of its fields', () => {
  const document = granta();
  const turned = { ...document, data: Object.fromEntries(Object.entries(document.data).toReversed()) };
  expect(dataDigest(turned)).toBe(dataDigest(document));
  expect(dataDigest({ ...document, data: { ...document.data, mileageKm: 1 } })).not.toBe(dataDigest(document));
});
