// Written by `node tools/generate.mjs` from test/certification/interfaces. Do not edit.
import * as orgVarlinkCertification from './org.varlink.certification.ts';

/** Every method, by its full name. */
export interface Methods {
  'org.varlink.certification.Start': { readonly parameters: orgVarlinkCertification.StartParameters; readonly reply: orgVarlinkCertification.StartReply };
  'org.varlink.certification.Test01': { readonly parameters: orgVarlinkCertification.Test01Parameters; readonly reply: orgVarlinkCertification.Test01Reply };
  'org.varlink.certification.Test02': { readonly parameters: orgVarlinkCertification.Test02Parameters; readonly reply: orgVarlinkCertification.Test02Reply };
  'org.varlink.certification.Test03': { readonly parameters: orgVarlinkCertification.Test03Parameters; readonly reply: orgVarlinkCertification.Test03Reply };
  'org.varlink.certification.Test04': { readonly parameters: orgVarlinkCertification.Test04Parameters; readonly reply: orgVarlinkCertification.Test04Reply };
  'org.varlink.certification.Test05': { readonly parameters: orgVarlinkCertification.Test05Parameters; readonly reply: orgVarlinkCertification.Test05Reply };
  'org.varlink.certification.Test06': { readonly parameters: orgVarlinkCertification.Test06Parameters; readonly reply: orgVarlinkCertification.Test06Reply };
  'org.varlink.certification.Test07': { readonly parameters: orgVarlinkCertification.Test07Parameters; readonly reply: orgVarlinkCertification.Test07Reply };
  'org.varlink.certification.Test08': { readonly parameters: orgVarlinkCertification.Test08Parameters; readonly reply: orgVarlinkCertification.Test08Reply };
  'org.varlink.certification.Test09': { readonly parameters: orgVarlinkCertification.Test09Parameters; readonly reply: orgVarlinkCertification.Test09Reply };
  'org.varlink.certification.Test10': { readonly parameters: orgVarlinkCertification.Test10Parameters; readonly reply: orgVarlinkCertification.Test10Reply };
  'org.varlink.certification.Test11': { readonly parameters: orgVarlinkCertification.Test11Parameters; readonly reply: orgVarlinkCertification.Test11Reply };
  'org.varlink.certification.End': { readonly parameters: orgVarlinkCertification.EndParameters; readonly reply: orgVarlinkCertification.EndReply };
}

/** Every error, by its full name. */
export interface Errors {
  'org.varlink.certification.ClientIdError': orgVarlinkCertification.ClientIdErrorError;
  'org.varlink.certification.CertificationError': orgVarlinkCertification.CertificationErrorError;
}

/** The canonical text of every interface, by its name. */
export const descriptions = {
  'org.varlink.certification': orgVarlinkCertification.description,
} as const;
