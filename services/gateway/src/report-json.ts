/** The reporting contract ↔ the API's JSON. */
import {
  DeliveryChannel, DeliveryStatus, DtcStatus, MeasurementStatus, ReportStatus, ReportType, Severity, VehicleType,
  type Delivery, type Diagnostics, type ListedDelivery, type Report, type Thickness,
} from '@kiosk/contracts/reporting/v1/reporting';
import type { z } from 'zod';
import type { listedDeliveryAnswer, reportAnswer } from './answers.ts';
import type {
  createDiagnosticsReport, createThicknessReport, deliveryChannel, deliveryStatus, dtcStatus, measurementStatus, reportStatus, reportType, severity, vehicleType,
} from './schemas.ts';
import { optionalTimeOf, present, timeOf, wordOf, type Words } from './wire.ts';

const reportTypes: Words<z.infer<typeof reportType>, ReportType> = {
  diagnostics: ReportType.REPORT_TYPE_DIAGNOSTICS,
  thickness: ReportType.REPORT_TYPE_THICKNESS,
};

const reportStatuses: Words<z.infer<typeof reportStatus>, ReportStatus> = { ready: ReportStatus.REPORT_STATUS_READY, failed: ReportStatus.REPORT_STATUS_FAILED };

export const channels: Words<z.infer<typeof deliveryChannel>, DeliveryChannel> = { email: DeliveryChannel.DELIVERY_CHANNEL_EMAIL, sms: DeliveryChannel.DELIVERY_CHANNEL_SMS };

export const deliveryStatuses: Words<z.infer<typeof deliveryStatus>, DeliveryStatus> = {
  queued: DeliveryStatus.DELIVERY_STATUS_QUEUED,
  sending: DeliveryStatus.DELIVERY_STATUS_SENDING,
  sent: DeliveryStatus.DELIVERY_STATUS_SENT,
  delivered: DeliveryStatus.DELIVERY_STATUS_DELIVERED,
  dead: DeliveryStatus.DELIVERY_STATUS_DEAD,
};

const severities: Words<z.infer<typeof severity>, Severity> = {
  high: Severity.SEVERITY_HIGH,
  medium: Severity.SEVERITY_MEDIUM,
  low: Severity.SEVERITY_LOW,
};

const dtcStatuses: Words<z.infer<typeof dtcStatus>, DtcStatus> = {
  stored: DtcStatus.DTC_STATUS_STORED,
  pending: DtcStatus.DTC_STATUS_PENDING,
  permanent: DtcStatus.DTC_STATUS_PERMANENT,
};

const vehicleTypes: Words<z.infer<typeof vehicleType>, VehicleType> = {
  sedan: VehicleType.VEHICLE_TYPE_SEDAN,
  hatchback: VehicleType.VEHICLE_TYPE_HATCHBACK,
  wagon: VehicleType.VEHICLE_TYPE_WAGON,
  coupe: VehicleType.VEHICLE_TYPE_COUPE,
  suv: VehicleType.VEHICLE_TYPE_SUV,
  minivan: VehicleType.VEHICLE_TYPE_MINIVAN,
};

const measurementStatuses: Words<z.infer<typeof measurementStatus>, MeasurementStatus> = {
  normal: MeasurementStatus.MEASUREMENT_STATUS_NORMAL,
  warning: MeasurementStatus.MEASUREMENT_STATUS_WARNING,
  critical: MeasurementStatus.MEASUREMENT_STATUS_CRITICAL,
};

export function reportJson(report: Report): z.input<typeof reportAnswer> {
  return {
    reportId: report.id,
    sessionId: report.sessionId,
    type: wordOf(reportTypes, report.type),
    status: wordOf(reportStatuses, report.status),
    pdfUrl: `/api/reports/${report.id}/pdf`,
    sha256: report.sha256,
    pages: report.pages,
    deliveries: report.deliveries.map(deliveryJson),
    createdAt: timeOf(report.createdAt),
  };
}

export function listedDeliveryJson({ delivery, ...listed }: ListedDelivery): z.input<typeof listedDeliveryAnswer> {
  return {
    ...deliveryJson(present(delivery)),
    reportId: listed.reportId,
    sessionId: listed.sessionId,
    kioskId: listed.kioskId,
    provider: listed.provider,
    ambiguousAttempts: listed.ambiguousAttempts,
    createdAt: timeOf(listed.createdAt),
    deliveredAt: optionalTimeOf(listed.deliveredAt),
    deadAt: optionalTimeOf(listed.deadAt),
  };
}

function deliveryJson(delivery: Delivery): z.input<typeof reportAnswer>['deliveries'][number] {
  return {
    deliveryId: delivery.id,
    channel: wordOf(channels, delivery.channel),
    to: delivery.toMasked,
    status: wordOf(deliveryStatuses, delivery.status),
    attempts: delivery.attempts,
    nextAttemptAt: optionalTimeOf(delivery.nextAttemptAt),
    lastError: delivery.lastError,
    sentAt: optionalTimeOf(delivery.sentAt),
  };
}

export function diagnosticsWire({ dtcCodes, monitors = [], parameters = [], ...rest }: Omit<z.output<typeof createDiagnosticsReport>['data'], 'sessionId'>): Diagnostics {
  return {
    ...rest,
    monitors,
    parameters,
    dtcCodes: dtcCodes.map(({ code, description, severity: how, status }) => ({
      code,
      description,
      severity: how ? severities[how] : Severity.SEVERITY_UNSPECIFIED,
      status: status ? dtcStatuses[status] : DtcStatus.DTC_STATUS_UNSPECIFIED,
    })),
  };
}

export function thicknessWire({ vehicleType: type, measurements, ...rest }: Omit<z.output<typeof createThicknessReport>['data'], 'sessionId'>): Thickness {
  return {
    ...rest,
    vehicleType: vehicleTypes[type],
    measurements: measurements.map(({ zone, value, point, status }) => ({
      zone,
      valueUm: value,
      point,
      status: status ? measurementStatuses[status] : MeasurementStatus.MEASUREMENT_STATUS_UNSPECIFIED,
    })),
  };
}
