//! The words that occur in the error messages of APIs.
//!
//! It must not contain words that are specific to an account (names, subdomains, tokens).

use std::collections::HashSet;
use std::sync::LazyLock;

static WORDS: LazyLock<HashSet<&str>> = LazyLock::new(|| VOCABULARY.split_whitespace().collect());

/// Returns `true` for a known word and for a compound of known words: `error`, `InvalidValue`,
/// `APIRateLimit`.
#[must_use]
pub fn is_known(word: &str) -> bool {
    word.is_ascii() && (knows(word) || humps(word).all(|hump| hump.len() > 1 && knows(hump)))
}

fn knows(word: &str) -> bool {
    WORDS.contains(word.to_ascii_lowercase().as_str())
}

/// Splits `APIRateLimit` into `API`, `Rate`, `Limit`.
fn humps(word: &str) -> impl Iterator<Item = &str> {
    let bytes = word.as_bytes();
    let begins = move |at: usize| {
        let upper = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_uppercase);
        let lower = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_lowercase);
        upper(at) && (lower(at - 1) || lower(at + 1))
    };
    let mut start = 0;
    std::iter::from_fn(move || {
        let rest = word.get(start..).filter(|rest| !rest.is_empty())?;
        let end = (start + 1..word.len()).find(|at| begins(*at)).unwrap_or(word.len());
        start = end;
        Some(&rest[..end - (word.len() - rest.len())])
    })
}

const VOCABULARY: &str = "
a abort aborted about above absent accept acceptable accepted accepts access accessed accesses accessible
according account accounts across action actions activate activated active activity actor actors add added
address addresses admin administrator administrators admins after again against age agent agents ago all
allocated allow allowed allows already also always an and another any api apis app application applications
apply apps archived are argument arguments array as ask asked at attempt attempted attempts attribute
attributes audit auditlogs audits auth authenticate authenticated authentication authorisation authorised
authorization authorize authorized automatic available avoid away back backend bad balance base based basic
be bearer because been before began begin below between body boolean both branch brand broken browser but by
bytes cache call called calls can cancelled cannot capacity case center central change changed changes
character characters check choose chosen city clear client clients clock close closed code codes com
combination comma command common companies company complete completed condition conditions confidential
configuration configure configured conflict conflicts connect connected connection connections consent
constraint contact contain contained contains content control cookie copy correct corrupt could couldn count
country create created credential credentials cross csrf current currently cursor cursors custom customer
data database date dates day days dd ddthh deactivated decode default delete deleted denied deny deprecated
depth description desk destination detail details did didn different direct direction disabled disallowed
display do document documentation does doesn domain don done down download due duplicate duplicated during
each early east edge edit effect either else elsewhere email emails empty enable enabled encoded encoding
encountered end ended endpoint endpoints ends enough enter entered enterprise entity entries entry
environment equal error errors etc event events every exact example exceed exceeded exceeds except exception
exist existing exists expected experiencing expire expired expires export external fail failed fails failure
false fault feature features fetch few field fields file files filter filtered filters find first fix flow
follow following follows for forbid forbidden form format formats forward found free from full function
further future gateway general generated get give given go gone grant granted grants great greater group
groups guide had handle handled has have header headers help helpcenter here hh high higher history hit host
hosted hosts hour hours how however html http https id ident identifier identifiers identity ids if ignored
image immediately implicit in inactive include included includes incorrect index information input inside
instance instead insufficient integer integers integration integrations interface internal interval into
invalid io ip is isn issue issued issuer issues it item items its json just keep key keys kind know known
label last later latest least left length less level like likely limit limited limits line link links list
listed literal live load local locale locked locking log logged login logs long longer lost low lower made
maintenance make malformed manage managed management many map masked match matched matches max maximum may
me media member members message messages method methods might min minimum minute minutes mismatch missing mm
mode model modified moment month months more most move moved multiple must name named names near need needed
needs negative network never new newer newest next no none not note nothing notice now null number numbers
oauth object objects obtain occur occurred of off offset ok old older on once one only open operation
operations option options or order organization origin other others our out outside over overloaded owner
page pages pagination parameter parameters parse parsed parser parsing part partner pass password past patch
path payload pending per perform period permission permissions permit permitted place plan plans please
point policy portal position possible post present prevent previous private problem problems process
processed processing profile prohibited project proper properties property protected protocol provide
provided provider proxy public put queries query queue quota range rate rates reach reached read reading
ready reason reasons receive received recent record records redacted redirect redirects refer reference
refresh refused region regular reject rejected release reload remaining remember remote remove removed
rename renamed repeat repeated replace report request requested requester requests require required requires
reset resets resolve resource resources respond response responses restricted restriction restrictions
result results retried retries retry return returned returns review revoked right role roles root route rule
rules safe same save schema scope scopes script search second seconds secret secrets secure security see
seems select selected send sent separated server servers service services session sessions set setting
settings several share should show shut side sign signature signed similar simple since single site size
slow small so some something soon sort sorted sorting source space specified specify ss ssz standard start
started starts state statement status step still stop stopped stored string strings subdomain subject submit
success successful such suggested support supported supports suspended suspicious sync syntax system systems
table tag tags take taken temporarily temporary term terms test text than that the their them then there
these they this those though throttled through ticket time timed timeout times timestamp title to today
together token tokens too took tool total traffic transaction trial true try trying turn turned type types
unable unauthorised unauthorized unavailable unchanged undefined under unexpected unique unit unknown unless
unprocessable unrecognized unsupported until unverified up update updated upgrade upload upper upstream uri
url us usage use used user username users uses using utf valid validate validated validation validations
value values verification verified verify version very via view visit wait waiting want warning was way we
web website week well were west what when where whether which while who whole why will window with within
without won word words work workspace world would write written wrong year years yes yet you your yyyy
zendesk zero zone
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_known_in_any_case_and_in_compounds() {
        for word in ["error", "Error", "ERROR", "InvalidValue", "invalidValue", "APIRateLimitExceeded", "a"] {
            assert!(is_known(word), "{word}");
        }
        for word in ["qwzx", "InvalidQwzx", "invalidvalue", "ErrorA", "error7", "\u{e9}", ""] {
            assert_eq!(is_known(word), word.is_empty(), "{word}");
        }
    }

    #[test]
    fn compounds_are_split_at_upper_case_letters() {
        for (word, cut) in [
            ("InvalidValue", &["Invalid", "Value"][..]),
            ("APIRateLimit", &["API", "Rate", "Limit"]),
            ("rateAPI", &["rate", "API"]),
            ("plain", &["plain"]),
            ("X", &["X"]),
        ] {
            assert_eq!(humps(word).collect::<Vec<_>>(), cut);
        }
    }
}
