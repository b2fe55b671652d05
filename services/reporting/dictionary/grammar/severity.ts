/**
 * How bad a fault is, from the system it is in and the kind of fault, read from the code and the English meaning.
 *
 *   high    do not drive on, or not before a look: it can hurt people (brakes, steering, airbags, high voltage)
 *           or ruin the engine or gearbox (misfire, oil pressure, overheating, fuel pressure, forced shutdown).
 *   medium  drivable, but it costs fuel, power, emissions or a repair soon: sensors, emission systems, anything unsaid.
 *   low     a nuisance: comfort, lamps, climate, small EVAP leaks.
 *
 * The first rule that matches decides, so the exceptions stand above the systems they are taken from.
 */
export type Severity = 'high' | 'medium' | 'low';

type Rule = { severity: Severity; because: string; codes?: RegExp; meaning?: RegExp };

const rules: readonly Rule[] = [
  { severity: 'low', because: 'a request to light a lamp says nothing about the fault behind it', meaning: /requested mil|mil request|warning (lamp|indicator) request/i },
  { severity: 'low', because: 'EVAP small leak or an open fuel cap', meaning: /evap.*(small leak|fuel cap)|fuel (cap|fill door)/i },
  { severity: 'low', because: 'comfort and convenience units', meaning: /(with|from) (.*)(audio|radio|entertainment|television|phone|telematic|navigation|compass|seat (control|module)|mirror|door|window|sunroof|sun roof|roof|top control|liftgate|rear gate|hvac|air conditioning|heated steering|personal|convenience|comfort|running board|antenna|disc player|subwoofer|speech|lighting|headlamp|head up|\brain|haptic|accessory|remote|compressor|refrigerant|mode actuator|temperature actuator)/i },
  { severity: 'high', because: 'airbags and belts', codes: /^B00/ },
  { severity: 'high', because: 'restraints', meaning: /restraint|air ?bag|pretensioner|seat ?belt|buckle|occupant|rollover|crash sensor|impact sensor|\bsrs\b/i },
  { severity: 'medium', because: 'lights other drivers must see', codes: /^B/, meaning: /brake lamp|head ?lamp.*beam|turn signal|tail lamp/i },
  { severity: 'low', because: 'body comfort, lamps, climate', codes: /^B/ },
  { severity: 'low', because: 'tyre pressure sensors', meaning: /tpms|tire pressure monitor/i },
  { severity: 'low', because: 'indicators and lamps of other systems', codes: /^[PU]/, meaning: /(lamp|indicator)\b(?!.*(brake|abs))/i },
  { severity: 'medium', because: 'suspension, traction and four-wheel drive aids', codes: /^C/, meaning: /suspension|ride height|damping|roll stabili|traction|tcs|4wd|awd|transfer|axle|differential|driveline|cruise|trailer|air dam|hill hold|park assist/i },
  { severity: 'high', because: 'brakes, ABS, stability and steering', codes: /^C/ },
  { severity: 'medium', because: 'the brake pedal switch and cruise control inputs', meaning: /brake switch|stop lamp switch|cruise/i },
  { severity: 'high', because: 'brakes and steering', meaning: /\bbrake (?!transmission)|\babs\b|steering(?! wheel module)|anti-lock/i },
  { severity: 'high', because: 'misfire and uncontrolled burning', meaning: /misfire|pre-ignition/i },
  { severity: 'high', because: 'the engine is stopped or held back to protect it', meaning: /forced (engine shutdown|limited|idle|hybrid|shutdown$)|failed to (start|crank)/i },
  { severity: 'high', because: 'overheating', meaning: /(engine coolant|engine oil|transmission fluid|motor|inverter|generator|battery pack|catalyst|filter|converter|charger).*over ?temperature/i },
  { severity: 'high', because: 'oil pressure', meaning: /oil pressure(?!.*deactivation)/i },
  { severity: 'high', because: 'coolant flow', meaning: /engine coolant (pump|flow)(?!.*circuit)/i },
  { severity: 'medium', because: 'corrections and learned values', meaning: /fuel trim|offset|learn|data incompatible|calibration/i },
  { severity: 'medium', because: 'sensor circuits of the fuel supply', meaning: /fuel (rail |tank |level |temperature )?.*sensor/i },
  { severity: 'high', because: 'fuel pressure, fuel supply and fuel leaks', meaning: /fuel (rail|pump|pressure|system|volume|shutoff)|fuel inject(or|ion)|injector|hydrogen/i },
  { severity: 'high', because: 'the throttle does not obey', meaning: /throttle actuator|throttle\/pedal|accelerator pedal|electronic throttle/i },
  { severity: 'high', because: 'the engine loses its timing', meaning: /(crankshaft|camshaft(?! profile| position actuator)).*(correlation|synchronization|position sensor|over-?\s?(advanced|retarded))/i },
  { severity: 'high', because: 'boost beyond its limit', meaning: /overboost|overspeed condition|turbine overspeed/i },
  { severity: 'high', because: 'high voltage that may touch people or burn', meaning: /isolation (fault|sensor)|interlock|service disconnect|contactor.*stuck closed|coolant leak/i },
  { severity: 'high', because: 'the gearbox does not hold or change gear', meaning: /incorrect (gear )?ratio|stuck in|unable to engage|slip|multiple gears|gear set failure|unexpected mechanical|park (lock|pawl)/i },
  { severity: 'high', because: 'lost contact with units the car cannot drive without', codes: /^U01(00|01|21|22|26|28|29|31|40|51)$/ },
  { severity: 'low', because: 'grille shutters, sound, washers and other conveniences', meaning: /grille|engine sound|washer|a\/c|humidity|charge port door|coupler status|engine hood|economy mode|driver mode/i },
];

export function severityOf(code: string, englishMeaning: string): Severity {
  const rule = rules.find(({ codes, meaning }) => (codes?.test(code) ?? true) && (meaning?.test(englishMeaning) ?? true));
  return rule?.severity ?? 'medium';
}
