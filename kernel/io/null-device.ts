/** \Device\Null: takes everything, gives nothing. */
export class NullDevice {
  readonly kind = 'null';
}
