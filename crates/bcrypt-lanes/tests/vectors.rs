//! The published test vectors, with every number of lanes.
//!
//! libxcrypt 4.4 gives the same for all of them.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use bcrypt_lanes::{Cost, Costs, Hash, Job, MOST_LANES, hash_all, verify};

type Vector = (Vec<u8>, &'static str);

fn text(text: &str) -> Vec<u8> {
    text.as_bytes().to_vec()
}

fn after(bytes: &[u8], rest: &str) -> Vec<u8> {
    [bytes, rest.as_bytes()].concat()
}

fn digits(count: usize) -> Vec<u8> {
    (b'0'..=b'9').cycle().take(count).collect()
}

/// jBCrypt 0.4, `TestBCrypt.java`; py-bcrypt and many others have the same.
fn of_jbcrypt() -> Vec<Vector> {
    vec![
        (text(""), "$2a$06$DCq7YPn5Rq63x1Lad4cll.TV4S6ytwfsfvkgY8jIucDrjc8deX1s."),
        (text(""), "$2a$08$HqWuK6/Ng6sg9gQzbLrgb.Tl.ZHfXLhvt/SgVyWhQqgqcZ7ZuUtye"),
        (text(""), "$2a$10$k1wbIrmNyFAPwPVPSVa/zecw2BCEnBwVS2GbrmgzxFUOqW9dk4TCW"),
        (text(""), "$2a$12$k42ZFHFWqBp3vWli.nIn8uYyIkbvYRvodzbfbK18SSsY.CsIQPlxO"),
        (text("a"), "$2a$06$m0CrhHm10qJ3lXRY.5zDGO3rS2KdeeWLuGmsfGlMfOxih58VYVfxe"),
        (text("a"), "$2a$08$cfcvVd2aQ8CMvoMpP2EBfeodLEkkFJ9umNEfPD18.hUF62qqlC/V."),
        (text("a"), "$2a$10$k87L/MF28Q673VKh8/cPi.SUl7MU/rWuSiIDDFayrKk/1tBsSQu4u"),
        (text("a"), "$2a$12$8NJH3LsPrANStV6XtBakCez0cKHXVxmvxIlcz785vxAIZrihHZpeS"),
        (text("abc"), "$2a$06$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i"),
        (text("abc"), "$2a$08$Ro0CUfOqk6cXEKf3dyaM7OhSCvnwM9s4wIX9JeLapehKK5YdLxKcm"),
        (text("abc"), "$2a$10$WvvTPHKwdBJ3uk0Z37EMR.hLA2W6N9AEBhEgrAOljy2Ae5MtaSIUi"),
        (text("abc"), "$2a$12$EXRkfkdmXn2gzds2SSitu.MW9.gAVqa9eLS1//RYtYCmB1eLHg.9q"),
        (text("abcdefghijklmnopqrstuvwxyz"), "$2a$06$.rCVZVOThsIa97pEDOxvGuRRgzG64bvtJ0938xuqzv18d3ZpQhstC"),
        (text("abcdefghijklmnopqrstuvwxyz"), "$2a$08$aTsUwsyowQuzRrDqFflhgekJ8d9/7Z3GV3UcgvzQW3J5zMyrTvlz."),
        (text("abcdefghijklmnopqrstuvwxyz"), "$2a$10$fVH8e28OQRj9tqiDXs1e1uxpsjN0c7II7YPKXua2NAKYvM6iQk7dq"),
        (text("abcdefghijklmnopqrstuvwxyz"), "$2a$12$D4G5f18o7aMMfwasBL7GpuQWuP3pkrZrOAnqP.bmezbMng.QwJ/pG"),
        (
            text("~!@#$%^&*()      ~!@#$%^&*()PNBFRD"),
            "$2a$06$fPIsBO8qRqkjj273rfaOI.HtSV9jLDpTbZn782DC6/t7qT67P6FfO",
        ),
        (
            text("~!@#$%^&*()      ~!@#$%^&*()PNBFRD"),
            "$2a$08$Eq2r4G/76Wv39MzSX262huzPz612MZiYHVUJe/OcOql2jo4.9UxTW",
        ),
        (
            text("~!@#$%^&*()      ~!@#$%^&*()PNBFRD"),
            "$2a$10$LgfYWkbzEvQ4JakH7rOvHe0y8pHKF9OaFgwUZ2q7W2FFZmZzJYlfS",
        ),
        (
            text("~!@#$%^&*()      ~!@#$%^&*()PNBFRD"),
            "$2a$12$WApznUOJfkEGSmYRfnkrPOr466oFDCaj4b6HY3EXGvfxm43seyhgC",
        ),
    ]
}

/// `crypt_blowfish` 1.3, `wrapper.c`, and PHP's tests of it: bytes beyond ASCII, 72 bytes and more.
fn of_crypt_blowfish() -> Vec<Vector> {
    vec![
        (text("U*U"), "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
        (text("U*U*"), "$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK"),
        (text("U*U*U"), "$2a$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a"),
        (text(""), "$2a$05$CCCCCCCCCCCCCCCCCCCCC.7uG0VCzI2bS7j6ymqJi9CdcdxiRTWNy"),
        (
            text(
                "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789chars after 72 are ignored",
            ),
            "$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui",
        ),
        (after(&[0xa3], ""), "$2y$05$/OK.fbVrR/bpIqNJ5ianF.Sa7shbm4.OzKpvFnX1pQLmQW96oUlCq"),
        (after(&[0xa3], ""), "$2a$05$/OK.fbVrR/bpIqNJ5ianF.Sa7shbm4.OzKpvFnX1pQLmQW96oUlCq"),
        (after(&[0xa3], ""), "$2b$05$/OK.fbVrR/bpIqNJ5ianF.Sa7shbm4.OzKpvFnX1pQLmQW96oUlCq"),
        (after(&[0xff, 0xff, 0xa3], ""), "$2y$05$/OK.fbVrR/bpIqNJ5ianF.CE5elHaaO4EbggVDjb8P19RukzXSM3e"),
        (after(&[0xff, 0xff, 0xa3], ""), "$2b$05$/OK.fbVrR/bpIqNJ5ianF.CE5elHaaO4EbggVDjb8P19RukzXSM3e"),
        (after(&[0xff, 0xa3], "345"), "$2y$05$/OK.fbVrR/bpIqNJ5ianF.nRht2l/HRhr6zmCp9vYUvvsqynflf9e"),
        (after(&[0xa3], "ab"), "$2a$05$/OK.fbVrR/bpIqNJ5ianF.6IflQkJytoRVc1yuaNtHfiuq.FRlSIS"),
        (after(&[0xff, 0xff, 0xff], ""), "$2y$05$/OK.fbVrR/bpIqNJ5ianF.J/g/3vmHprg.qPkSbeCv3LYtSJZhaqi"),
        (
            after(&[0xaa; 72], "chars after 72 are ignored as usual"),
            "$2a$05$/OK.fbVrR/bpIqNJ5ianF.swQOIzjOiJ9GHEPuhEkvqrUyvWhEMx6",
        ),
        ([0xaa, 0x55].repeat(36), "$2a$05$/OK.fbVrR/bpIqNJ5ianF.R9xrDjiycxMbQE2bp.vgqlYpW5wx2yy"),
        ([0x55, 0xaa, 0xff].repeat(24), "$2a$05$/OK.fbVrR/bpIqNJ5ianF.9tQZzcJfm3uj2NvJ/n5xkhpqLrMpWCe"),
    ]
}

/// OpenBSD 5.5 on: lengths that once wrapped around.
fn of_openbsd() -> Vec<Vector> {
    vec![
        (vec![b'0'; 72], "$2b$05$CCCCCCCCCCCCCCCCCCCCC.6.O1dLNbjod2uo0DVcW.jHucKbPDdHS"),
        (digits(254), "$2b$05$CCCCCCCCCCCCCCCCCCCCC.XxrQqgBi/5Sxuq9soXzDtjIZ7w5pMfK"),
        (digits(255), "$2b$05$CCCCCCCCCCCCCCCCCCCCC.XxrQqgBi/5Sxuq9soXzDtjIZ7w5pMfK"),
        (digits(256), "$2b$05$CCCCCCCCCCCCCCCCCCCCC.XxrQqgBi/5Sxuq9soXzDtjIZ7w5pMfK"),
    ]
}

fn all() -> Vec<Vector> {
    let others = vec![(text("ππππππππ"), "$2a$10$.TtQJ4Jr6isd4Hp.mVfZeuh6Gws4rOQ/vdBczhDx.19NFK0Y84Dle")];
    [of_jbcrypt(), of_crypt_blowfish(), of_openbsd(), others].concat()
}

fn read(text: &str) -> Hash {
    text.parse().unwrap()
}

#[test]
fn every_vector_is_verified_on_one_lane() {
    for (password, text) in all() {
        assert_eq!(verify([(&password, &read(text))]), [true], "{text}");
    }
}

#[test]
fn every_vector_is_made_on_up_to_eight_lanes_of_mixed_costs() {
    let vectors: Vec<Vector> = all().into_iter().filter(|(_, text)| read(text).cost.get() <= 8).collect();
    let hashes: Vec<Hash> = vectors.iter().map(|(_, text)| read(text)).collect();
    let jobs = vectors.iter().zip(&hashes);
    let jobs: Vec<Job<'_>> =
        jobs.map(|((password, _), hash)| Job::new(password, hash.salt, hash.cost)).collect();
    for lanes in 1..=MOST_LANES {
        for (made, hash) in hash_all(&jobs, lanes).iter().zip(&hashes) {
            assert_eq!(made[0].digest, hash.digest, "{hash} on {lanes} lanes");
        }
    }
}

#[test]
fn a_password_that_an_old_program_treated_otherwise_is_refused() {
    // OpenBSD before 5.5 hashed 255 digits as if they were one; crypt_blowfish marks
    // passwords that its first version got wrong.
    let wrapped = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.6.O1dLNbjod2uo0DVcW.jHucKbPDdHS";
    let marked = "$2a$05$/OK.fbVrR/bpIqNJ5ianF.nqd1wy.pTMdcvrRWxyiGL2eMz.2a85.";
    let candidates = [(digits(255), wrapped), (vec![0xff, 0xff, 0xa3], marked)];
    for (password, text) in candidates {
        assert_eq!(verify([(&password, &read(text))]), [false]);
    }
}

#[test]
fn passwords_that_differ_have_other_hashes_up_to_the_72nd_byte() {
    let hash = |password: &[u8]| hash_all(&[Job::new(password, [3; 16], Cost::new(4).unwrap())], 1);
    let long = vec![b'x'; 72];
    for at in 0..72 {
        let mut other = long.clone();
        other[at] ^= 1;
        assert_ne!(hash(&long), hash(&other), "byte {at}");
    }
    assert_eq!(hash(&long), hash(&[&long[..], b"y"].concat()));
    assert_ne!(hash(&long[..71]), hash(&long));
}

#[test]
fn no_lane_knows_of_another() {
    let cost = Cost::new(4).unwrap();
    let job = |byte: u8| Job::new(b"the same", [byte; 16], cost);
    let [alone] = bcrypt_lanes::hash([job(1)]);
    for place in 0..8 {
        let mut jobs = [job(9); 8];
        jobs[place] = job(1);
        assert_eq!(bcrypt_lanes::hash(jobs)[place], alone, "lane {place}");
    }
}

#[test]
fn no_job_is_no_work() {
    assert!(hash_all(&[], 4).is_empty());
    assert_eq!(verify([]), []);
}

#[test]
fn a_job_of_several_costs_gives_the_hash_of_each() {
    let cost = |cost| Cost::new(cost).unwrap();
    let alone = [4, 5, 7].map(|at| bcrypt_lanes::hash([Job::new(b"the same", [1; 16], cost(at))])[0]);
    let costs = Costs::from(cost(7)).and(cost(4)).and(cost(5));
    let other = Job::new(b"another", [2; 16], cost(6));
    let hashes = hash_all(&[other, Job::new(b"the same", [1; 16], costs), other], 4);
    assert_eq!(hashes[1], alone);
    assert_eq!([hashes[0].len(), hashes[2].len()], [1, 1]);
    assert_eq!(bcrypt_lanes::hash([Job::new(b"the same", [1; 16], costs)]), [alone[2]]);
}
