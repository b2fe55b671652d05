/** The page that a report's QR code leads to: what was given out under this number, and whether a file is it. */
import { ReportType, type CheckReportResponse } from '@kiosk/contracts/reporting/v1/reporting';
import { escape, type pageOf } from './pages.ts';

const kinds: Partial<Record<ReportType, string>> = {
  [ReportType.REPORT_TYPE_DIAGNOSTICS]: 'Отчёт о диагностике автомобиля', [ReportType.REPORT_TYPE_THICKNESS]: 'Отчёт о толщине лакокрасочного покрытия',
};

/** Compares on the visitor's own machine: the file goes nowhere. Without WebCrypto, which browsers have on https only, the field stays hidden. */
const script = `
(function(){
  var form=document.getElementById('compare'),input=document.getElementById('file'),result=document.getElementById('result'),expected=document.getElementById('sha256').textContent.replace(/\\s/g,'');
  if(!window.crypto||!crypto.subtle)return;
  form.hidden=false;
  function say(text,kind){result.textContent=text;result.className=kind;}
  function compare(file){
    if(!file)return;
    say('Сравниваем…','');
    file.arrayBuffer().then(function(bytes){return crypto.subtle.digest('SHA-256',bytes);}).then(function(digest){
      var hex=Array.from(new Uint8Array(digest),function(byte){return byte.toString(16).padStart(2,'0');}).join('');
      if(hex===expected)say('Файл подлинный: совпадает до последнего байта.','same');
      else say('Это другой файл: он не совпадает с выданным отчётом.','other');
    }).catch(function(){say('Файл не удалось прочитать.','other');});
  }
  input.addEventListener('change',function(){compare(input.files[0]);});
  document.addEventListener('dragover',function(event){event.preventDefault();});
  document.addEventListener('drop',function(event){event.preventDefault();compare(event.dataTransfer.files[0]);});
})();
`;

export function checkPage({ reportId, type, createdAt, sha256, pages, erased, issuer }: CheckReportResponse): Parameters<typeof pageOf>[0] {
  const facts: [string, string][] = [
    ['Вид', kinds[type] ?? 'Отчёт'], ['Номер', reportId], ['Выдан', timeOf(createdAt)], ['Кем', issuer], ['Страниц', String(pages)],
  ];
  return {
    title: 'Проверка отчёта',
    script,
    body: `<h1>Такой отчёт действительно выдан</h1>
<dl>${facts.map(([name, value]) => `<dt>${escape(name)}</dt><dd>${escape(value)}</dd>`).join('')}
<dt>Контрольная сумма файла (SHA-256)</dt><dd><code id="sha256">${(sha256.match(/.{1,8}/g) ?? []).join(' ')}</code></dd></dl>
${erased ? '<p class="note">Сам файл здесь больше не хранится, контрольная сумма остаётся верной.</p>\n' : ''}<section id="compare" hidden><h2>Сравнить ваш файл</h2>
<label for="file">Выберите PDF или перетащите его на страницу<br><input type="file" id="file" accept="application/pdf,.pdf"></label>
<output id="result" for="file"></output>
<p class="note">Файл никуда не отправляется: он сравнивается в вашем браузере.</p></section>
<section><h2>Сравнить самому</h2>
<p>Посчитайте контрольную сумму файла. Совпадает со строкой выше — файл подлинный; отличается хотя бы знаком — это не тот файл.</p>
<p>Windows: <code>certutil -hashfile otchet.pdf SHA256</code><br>macOS: <code>shasum -a 256 otchet.pdf</code><br>Linux: <code>sha256sum otchet.pdf</code></p></section>
<footer>На этой странице нет сведений о клиенте и автомобиле.</footer>`,
  };
}

/** In Moscow, as on the report itself. */
function timeOf(at: Date | undefined): string {
  return at === undefined ? '' : `${new Intl.DateTimeFormat('ru-RU', { dateStyle: 'long', timeStyle: 'short', timeZone: 'Europe/Moscow' }).format(at)} (МСК)`;
}
