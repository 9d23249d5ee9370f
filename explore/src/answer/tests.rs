use super::*;
use crate::sequential::Verdict;
use recoup_core::design::Kind;

fn design(name: &str, kind: Kind, power: Option<f64>, verdict: Verdict) -> Evaluated {
    let loss = match verdict {
        Verdict::Under => 0.1,
        Verdict::Over => 5.0,
        Verdict::Undecided | Verdict::Open => 0.4,
    };
    let assessment = Assessment {
        verdict,
        images: 1000,
        loss,
        interval: [loss - 0.2, loss + 0.2],
        confidence: 0.95,
        images_to_decide: None,
    };
    Evaluated {
        position: 0,
        name: name.to_owned(),
        ingredient: Ingredient::Less,
        judged: Judged { kind, power, assessment },
    }
}

fn answer(mut designs: Vec<Evaluated>) -> Answer {
    let reference = design("exact", Kind::Reference, Some(1.0), Verdict::Under);
    designs.insert(0, reference);
    for (index, design) in designs.iter_mut().enumerate() {
        design.position = 10 + index;
    }
    Answer::new(&designs, Limit::new(0.5).unwrap())
}

#[test]
fn the_choice_is_told_with_its_rivals_and_what_is_undecided() {
    let mut near = design("b", Kind::WithoutV, Some(0.6), Verdict::Undecided);
    near.judged.assessment.images_to_decide = Some(12_000);
    let answer = answer(vec![
        design("a", Kind::WithV, Some(0.7), Verdict::Under),
        near,
        design("c", Kind::WithV, Some(0.65), Verdict::Open),
        design("d", Kind::WithV, Some(0.75), Verdict::Undecided),
        design("e", Kind::ReducedPrecision, Some(0.9), Verdict::Under),
        design("f", Kind::WithV, Some(0.5), Verdict::Over),
    ]);
    assert_eq!(
        answer.sentences(),
        [
            "The least power under 0.5 points of loss, with 95 % confidence: a saves 30.0 % of the \
             array power and loses 0.10 [-0.10, 0.30] points.",
            "Without V: no design of known power is under it.",
            "With reduced precision instead: e saves 10.0 % of the array power and loses 0.10 \
             [-0.10, 0.30] points.",
            "With less power, but undecided on these images: b (saves 40.0 %, about 12,000 images \
             would decide); c (saves 35.0 %, too near the limit for any number of images).",
        ]
    );
    assert_eq!((answer.choice.chosen, answer.choice.undecided), (Some(11), vec![12, 13]));
}

#[test]
fn without_a_choice_the_answer_says_why() {
    let over = answer(vec![
        design("a", Kind::WithV, Some(0.5), Verdict::Over),
        design("b", Kind::WithV, Some(0.7), Verdict::Undecided),
    ]);
    let sentences = over.sentences();
    let no =
        "No design is under 0.5 points of loss with 95 % confidence; the nearest: b saves 30.0 %";
    assert!(sentences[0].starts_with(no), "{sentences:?}");
    assert!(sentences[1].starts_with("Undecided on these images: b (saves "), "{sentences:?}");
    assert_eq!((sentences.len(), over.choice.nearest), (2, Some(12)));
}

#[test]
fn the_reference_is_no_design_of_unknown_power() {
    let reference = |mut answer: Vec<Evaluated>| {
        answer.insert(0, design("exact", Kind::Reference, None, Verdict::Under));
        Answer::new(&answer, Limit::new(1.0).unwrap()).sentences()
    };
    assert_eq!(reference(Vec::new()), ["No design was evaluated."]);
    let unknown = ["a", "b"].map(|name| design(name, Kind::WithV, None, Verdict::Under));
    assert_eq!(
        reference(unknown.into()),
        ["Of the designs that are under 1 point of loss with 95 % confidence none has a known \
          power: a; b."]
    );
}

#[test]
fn thousands_are_told_apart() {
    assert_eq!([7, 999, 1000, 1_234_567].map(thousands), ["7", "999", "1,000", "1,234,567"]);
}
