//! What a server may answer: every message made of it is safe to show and short.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tallyfy_groups::model::{ExistingGroup, User};
use tallyfy_groups::tallyfy::{Page, Refusal, created, group, is_web_page};

fuzz_target!(|body: &[u8]| {
    let refusal = Refusal::parse(body, str::to_owned);
    assert!(!refusal.said.chars().any(char::is_control), "{:?}", refusal.said);
    let _ = (refusal.is_name_taken(), refusal.is_guest_cap(), refusal.is_of_resource(), refusal.is_of_endpoint());
    let _ = (created(body), group(body), is_web_page(body));
    for reason in [Page::<ExistingGroup>::parse(body).err(), Page::<User>::parse(body).err()].into_iter().flatten() {
        assert!(!reason.chars().any(char::is_control), "{reason:?}");
    }
});
