/**
 * What is set, where, and what is wrong with it. The verdict is the services' own: each service's readConfig is asked, so that a rule which ties settings
 * together counts here as it does at the start. Beside that: names that nobody knows, and what a service starts with but should not meet customers with.
 */
import { SettingsError, type SettingsDeclaration, type SettingsFile } from '@kiosk/service';
import { closest } from './closest.ts';
import { plain } from './words.ts';

export type Source = 'environment' | 'file' | 'default';
export type SettingState = { name: string; source: Source; shown: string };

/** What every setting is, and where from; of secrets only how long they are. */
export function explain(declaration: SettingsDeclaration, { env, file }: { env: NodeJS.ProcessEnv; file: SettingsFile }): SettingState[] {
  return Object.entries(declaration).map(([name, { default: fallback, secret }]) => {
    const fromEnv = env[name] === '' ? undefined : env[name];
    const given: unknown = fromEnv ?? (Object.hasOwn(file, name) ? file[name] : undefined);
    const source = fromEnv !== undefined ? 'environment' : given !== undefined ? 'file' : 'default';
    return { name, source, shown: show(given ?? fallback, secret === true && given !== undefined) };
  });
}

/** Names that were meant to be settings and are none, each with the setting that was probably meant. */
export function unknownNames(known: readonly string[], { env, file }: { env: NodeJS.ProcessEnv; file: SettingsFile }): string[] {
  const sentence = (name: string, where: string): string => {
    const meant = closest(name, known);
    return `${name} (${where}) is no setting${meant === undefined ? '' : `: did you mean ${meant}?`}`;
  };
  const inFile = Object.keys(file).filter((name) => name !== '$schema' && !known.includes(name)).map((name) => sentence(name, 'settings file'));
  // The environment is full of others' names: only what could be ours is looked at.
  const inEnv = Object.keys(env).filter((name) => !known.includes(name) && !others.test(name) && looksOurs(name, known)).map((name) => sentence(name, 'environment'));
  return [...inFile, ...inEnv];
}

/** What the services refuse to start with, in their own words, each sentence once. */
export function refusals(readers: readonly ((env: NodeJS.ProcessEnv) => unknown)[], env: NodeJS.ProcessEnv): string[] {
  const problems = readers.flatMap((readConfig) => {
    try {
      readConfig(env);
      return [];
    } catch (error) {
      if (error instanceof SettingsError) return error.problems;
      throw error;
    }
  });
  return [...new Set(problems)];
}

/** What starts, and still is no way to meet customers. `values` are the settings as they would be read. */
export function advice(values: Readonly<Record<string, unknown>>): string[] {
  const is = (name: string): string => plain(values[name]);
  const found: [boolean, string][] = [
    [values['PRICES'] === undefined || (values['PRICES'] as unknown[]).length === 0, 'PRICES is empty: any amount is taken'],
    [is('YOOKASSA_WEBHOOK_URL') === '', 'YOOKASSA_WEBHOOK_URL is not set: nobody can check that notifications arrive; payments are found by asking, up to a minute later'],
    [is('YOOKASSA_WEBHOOK_URL').startsWith('http:'), 'YOOKASSA_WEBHOOK_URL must be https: YooKassa notifies no other'],
    [/^https?:\/\/(localhost|127\.|\[::1\])/.test(is('REPORT_PUBLIC_URL')), 'REPORT_PUBLIC_URL is this machine: links and QR codes of reports lead customers nowhere'],
    [is('REPORT_PUBLIC_URL').startsWith('http:') && !/localhost|127\./.test(is('REPORT_PUBLIC_URL')), 'REPORT_PUBLIC_URL is http: reports travel unencrypted'],
    [/@(kiosk\.example|example\.(com|org))>?$/.test(is('EMAIL_FROM')), 'EMAIL_FROM is an example: mail servers refuse it'],
    [is('RECEIPTS_ENABLED') === 'false', 'RECEIPTS_ENABLED is false: 54-FZ receipts must then come from elsewhere'],
    [is('OPERATOR_API_KEYS') === '', 'OPERATOR_API_KEYS is not set: nobody can refund or resend'],
    [/^(0\.0\.0\.0|::)$/.test(is('HOST')) && is('HTTPS_CERT') === '' && is('TRUSTED_PROXIES') === '', 'HOST listens to everybody in plain HTTP: put TLS in front (TRUSTED_PROXIES), or set HTTPS_CERT and HTTPS_KEY'],
    [is('BACKUP_AGE_LIMIT_MS') === '0', 'BACKUP_AGE_LIMIT_MS is 0: nobody notices when backups stop'],
    [is('YOOKASSA_WEBHOOK_ADDRESS_CHECK') === 'refetch', 'YOOKASSA_WEBHOOK_ADDRESS_CHECK is refetch: notifications are taken from anywhere'],
    [is('REPORTS_REQUIRE_PAYMENT') === 'false', 'REPORTS_REQUIRE_PAYMENT is false: reports are given away'],
    [is('PRICES_ENFORCED') === 'false', 'PRICES_ENFORCED is false: a kiosk may ask for any amount'],
  ];
  return found.flatMap(([applies, sentence]) => (applies ? [sentence] : []));
}

const longestShown = 120;

/** Read by programs that are no service, or by what runs them. */
const others = /^(CONFIG_FILE|PSP_\w+|OUTBOX_\w+|KIOSK_TORTURE_\w+|KIOSK_CHAOS_\w+|npm_\w+|NODE_\w+|OTEL_(TRACES|BSP|RESOURCE|NODE|SERVICE|EXPORTER_OTLP_HEADERS|EXPORTER_OTLP_TIMEOUT)\w*)$/;

function looksOurs(name: string, known: readonly string[]): boolean {
  if (closest(name, known) !== undefined && name.length > 5) return true;
  const [first = ''] = name.split('_');
  return name.includes('_') && ['YOOKASSA', 'SMTP', 'SMSC', 'TWILIO', 'SENDGRID', 'RECEIPT', 'RECEIPTS', 'PAYMENT', 'PAYMENTS', 'REPORT', 'REPORTS', 'REPORTING', 'BACKUP'].includes(first);
}

function show(value: unknown, isSecret: boolean): string {
  const text = plain(value);
  if (isSecret) return `(secret, ${text.length} characters)`;
  return text.length > longestShown ? `${text.slice(0, longestShown)} …` : text;
}
