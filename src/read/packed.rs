//! gzip and zstd, unpacked on the way; what unpacks to far more than text does is stopped.

use std::io::{self, BufReader, Read, Take};

use flate2::bufread::MultiGzDecoder;

use crate::model::{Code, Problem};

/// Text packs ten to fifty times at best, a bomb a thousand times and more.
const RATIO_MAX: u64 = 200;

/// Below this many bytes nobody is harmed.
const HARMLESS: u64 = 64 * 1024 * 1024;

/// How many bytes packed ones of this number may become.
pub(super) fn unpacked_max(packed: u64) -> u64 {
    HARMLESS.max(packed.saturating_mul(RATIO_MAX))
}

/// What a file's first bytes say of how it is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::Display)]
#[strum(serialize_all = "lowercase")]
pub(super) enum Packing {
    Gzip,
    Zstd,
}

impl Packing {
    /// By the first bytes (RFC 1952, RFC 8878).
    pub(super) fn of(start: &[u8]) -> Option<Self> {
        match start {
            [0x1F, 0x8B, ..] => Some(Self::Gzip),
            [0x28, 0xB5, 0x2F, 0xFD, ..] => Some(Self::Zstd),
            _ => None,
        }
    }

    /// The bytes that are packed in `packed`.
    pub(super) fn unpack(self, packed: impl Read + Send + 'static) -> io::Result<Box<dyn Read + Send>> {
        let packed = BufReader::with_capacity(64 * 1024, packed.take(u64::MAX));
        Ok(match self {
            Self::Gzip => {
                let taken = |inner: &MultiGzDecoder<_>| taken(inner.get_ref());
                Box::new(Unpacked { inner: MultiGzDecoder::new(packed), packing: self, taken, given: 0 })
            }
            Self::Zstd => {
                let taken = |inner: &zstd::Decoder<'_, _>| taken(inner.get_ref());
                Box::new(Unpacked { inner: zstd::Decoder::with_buffer(packed)?, packing: self, taken, given: 0 })
            }
        })
    }
}

/// How much was taken of the packed bytes.
fn taken<R>(packed: &BufReader<Take<R>>) -> u64 {
    u64::MAX - packed.get_ref().limit()
}

/// It unpacks to far more than text does.
pub(super) fn bomb() -> Problem {
    let message = format!("unpacks to more than {RATIO_MAX} times its size; unpack it yourself if that is intended");
    Problem::fatal(Code::ArchiveBomb, message)
}

/// Unpacked bytes, watched.
struct Unpacked<D> {
    inner: D,
    packing: Packing,
    /// How many packed bytes it has taken.
    taken: fn(&D) -> u64,
    given: u64,
}

impl<D: Read> Read for Unpacked<D> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer).map_err(|reason| {
            // The disk's word, or the pipe's.
            if reason.raw_os_error().is_some() {
                return reason;
            }
            let kind = self.packing;
            let message =
                format!("the {kind} data is damaged or cut off ({reason}); unpack it yourself to see what is left");
            Problem::fatal(Code::ArchiveDamaged, message).into()
        })?;
        self.given += read as u64;
        if self.given > HARMLESS && self.given / RATIO_MAX > (self.taken)(&self.inner) {
            return Err(bomb().into());
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn unpacked(packed: Vec<u8>) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        Packing::of(&packed).unwrap().unpack(io::Cursor::new(packed))?.read_to_end(&mut bytes).map(|_| bytes)
    }

    #[test]
    fn several_members_and_frames_are_one_stream() {
        let text = b"name\nA\n".repeat(1000);
        assert_eq!(unpacked([gzip(&text), gzip(&text)].concat()).unwrap(), [&text[..], &text].concat());
        let zstd = zstd::encode_all(&text[..], 3).unwrap();
        assert_eq!(unpacked([&zstd[..], &zstd].concat()).unwrap(), [&text[..], &text].concat());
    }

    #[test]
    fn what_is_cut_off_or_changed_is_damaged() {
        let text: Vec<u8> = (0..20_000_u32).flat_map(|number| number.to_string().into_bytes()).collect();
        for packed in [gzip(&text), zstd::encode_all(&text[..], 3).unwrap()] {
            let mut changed = packed.clone();
            changed[packed.len() / 2] ^= 0xFF;
            for bad in [packed[..packed.len() - 5].to_vec(), changed] {
                let error = Problem::from(unpacked(bad).unwrap_err());
                assert_eq!(error.code, Code::ArchiveDamaged, "{error}");
            }
        }
    }

    #[test]
    fn a_bomb_is_stopped_and_text_that_packs_well_is_not() {
        let error = Problem::from(unpacked(gzip(&vec![b'a'; 100 << 20])).unwrap_err());
        assert_eq!(error, bomb());
        assert_eq!(unpacked(gzip(&vec![b'a'; 1 << 20])).unwrap().len(), 1 << 20);
    }
}
