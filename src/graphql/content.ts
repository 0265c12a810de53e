import { AppError } from '../errors.ts';

/** The bytes of an input that takes `text` or `data`; `INVALID_ARGUMENT` for both and for neither. */
export const contentOf = ({
  text,
  data,
}: {
  text?: string | null | undefined;
  data?: Uint8Array | null | undefined;
}): Uint8Array => {
  if ((text == null) === (data == null))
    throw new AppError('INVALID_ARGUMENT', 'Give exactly one of `text` and `data`.');
  return data ?? Buffer.from(text ?? '');
};
